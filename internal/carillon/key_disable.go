package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

// keyDisableCommand declares `carillon key disable`.
func (p *program) keyDisableCommand() *cobra.Command {
	return p.keyStateCommand("DisableKey", (*directory.Keys).Disable, &cobra.Command{
		Use:     "disable KEY-ID",
		Short:   "have the service refuse a key from now on",
		Long:    `Have the service refuse a key, and print the key without its secret.` + besideService,
		Example: `carillon key disable "$KEY"`,
	})
}

// keyStateCommand completes disable and enable: they differ in what they set. name is that of what
// they print.
func (p *program) keyStateCommand(name string, set func(*directory.Keys, context.Context, string) (directory.Key, error), c *cobra.Command) *cobra.Command {
	var where database
	var format string
	c.RunE = func(c *cobra.Command, words []string) error {
		return p.onStore(c.Context(), where, func(st openStore) error {
			keys := st.keys(nil)
			key, err := set(keys, c.Context(), words[0])
			if err != nil {
				return changed(c.Context(), keys, words[0], err)
			}
			return p.print(format, name, document.NewObject(document.Member{Key: "AccessKey", Value: keyDocument(key, st.now())}))
		})
	}
	c.ValidArgsFunction = once(p.storeKeys(&where))
	f := flagsOf(c)
	outputFlag(f, &format, formatJSON, formatTable)
	where.flags(f)
	return c
}
