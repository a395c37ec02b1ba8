package awscli

import (
	"fmt"

	"github.com/carillon-project/carillon/internal/model"
)

func (c *cli) help() error        { _, err := fmt.Fprintln(c.out, "help"); return err }
func (c *cli) serviceHelp() error { _, err := fmt.Fprintln(c.out, "help"); return err }
func (c *cli) operationHelp(op *model.Operation) error {
	_, err := fmt.Fprintln(c.out, op.Name)
	return err
}
