package carillon

import (
	"context"

	"github.com/spf13/cobra"
)

// keyDeleteCommand declares `carillon key delete`.
func (p *program) keyDeleteCommand() *cobra.Command {
	var where database
	c := &cobra.Command{
		Use:   "delete KEY-ID",
		Short: "remove a key for good",
		Long: `Remove a key for good. The command prints nothing.

When the root key is gone, the next start of the service makes another one.` + besideService,
		Example:           `carillon key delete "$KEY"`,
		RunE:              func(c *cobra.Command, words []string) error { return p.deleteKey(c.Context(), where, words[0]) },
		ValidArgsFunction: once(p.storeKeys(&where)),
	}
	where.flags(flagsOf(c))
	return c
}

func (p *program) deleteKey(ctx context.Context, d database, id string) error {
	return p.onStore(ctx, d, func(st openStore) error {
		keys := st.keys(nil)
		return changed(ctx, keys, id, keys.Delete(ctx, id))
	})
}
