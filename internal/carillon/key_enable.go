package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

type keyEnableOptions struct {
	database
	Format string
}

// keyEnableCommand declares `carillon key enable`.
func (p *program) keyEnableCommand() *cobra.Command {
	var o keyEnableOptions
	c := &cobra.Command{
		Use:   "enable KEY-ID",
		Short: "have the service take a disabled key again",
		Long: `Have the service take a key again that was disabled, and print the key without its
secret. A key that has expired stays expired.` + besideService,
		Example:           `carillon key enable "$KEY"`,
		RunE:              func(c *cobra.Command, words []string) error { return p.enableKey(c.Context(), o, words[0]) },
		ValidArgsFunction: once(p.storeKeys(&o.database)),
	}
	f := flagsOf(c)
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) enableKey(ctx context.Context, o keyEnableOptions, id string) error {
	return p.onStore(ctx, o.database, func(st store.Store) error {
		key, err := directory.NewKeys(st, nil, directory.Options{Operator: person()}).Enable(ctx, id)
		if err != nil {
			return err
		}
		return p.print(o.Format, "EnableKey", document.NewObject(document.Member{Key: "AccessKey", Value: keyDocument(key)}))
	})
}
