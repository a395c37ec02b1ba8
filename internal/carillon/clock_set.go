package carillon

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
)

// clockSetCommand declares `carillon clock set`.
func (p *program) clockSetCommand() *cobra.Command {
	body := func(words []string) ([]byte, error) {
		at, err := after(words[0])
		if err == nil && at.isSpan {
			return nil, p.misused("a duration is for carillon clock advance")
		}
		if err != nil {
			return nil, p.misused(err.Error())
		}
		return jsonOf("now", api.FormatTime(at.at)), nil
	}
	return p.clockSubcommand(http.MethodPut, body, &cobra.Command{
		Use:   "set TIME",
		Short: "set the clock",
		Long: `Set the clock, forward or back, and print what it shows then. TIME is a date, which
begins at midnight UTC, or a time. What falls due by that is done before the
command ends. A clock that is frozen stays so.`,
		Example: `carillon clock set 2030-03-01
carillon clock set 2030-03-01T12:00:00Z`,
	})
}
