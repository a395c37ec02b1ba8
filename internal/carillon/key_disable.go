package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

type keyDisableOptions struct {
	database
	Format string
}

// keyDisableCommand declares `carillon key disable`.
func (p *program) keyDisableCommand() *cobra.Command {
	var o keyDisableOptions
	c := &cobra.Command{
		Use:               "disable KEY-ID",
		Short:             "have the service refuse a key from now on",
		Long:              `Have the service refuse a key, and print the key without its secret.` + besideService,
		Example:           `carillon key disable "$KEY"`,
		RunE:              func(c *cobra.Command, words []string) error { return p.disableKey(c.Context(), o, words[0]) },
		ValidArgsFunction: once(p.storeKeys(&o.database)),
	}
	f := flagsOf(c)
	outputFlag(f, &o.Format, formatJSON, formatTable)
	o.database.flags(f)
	return c
}

func (p *program) disableKey(ctx context.Context, o keyDisableOptions, id string) error {
	return p.onStore(ctx, o.database, func(st store.Store) error {
		key, err := directory.NewKeys(st, nil, directory.Options{Operator: person()}).Disable(ctx, id)
		if err != nil {
			return err
		}
		return p.print(o.Format, "DisableKey", document.NewObject(document.Member{Key: "AccessKey", Value: keyDocument(key)}))
	})
}
