package carillon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
)

type keyRecoverOptions struct {
	database
	Yes bool
}

// keyRecoverCommand declares `carillon key recover`.
func (p *program) keyRecoverCommand() *cobra.Command {
	var o keyRecoverOptions
	c := &cobra.Command{
		Use:   "recover",
		Short: "go on after the secret key was lost",
		Long: `Make a new secret key in place of one that is lost, and delete all access keys,
which nothing decrypts any more. Accounts, users and the audit trail stay.

The next start of the service makes a root key; with that, and carillon key
create, give people and programs new keys. The command refuses if the secret key
is there and is the right one. A file with another key is taken as it is.` + besideService,
		Example: `carillon key recover`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.recoverSecret(c.Context(), o) },
	}
	f := flagsOf(c)
	f.toggle(&o.Yes, "yes", "do not ask")
	o.database.flags(f)
	o.database.secretKeyFlag(f)
	return c
}

func (p *program) recoverSecret(ctx context.Context, o keyRecoverOptions) error {
	where := o.orDefault()
	return p.onStore(ctx, where, func(st openStore) error {
		_, problem := where.sealer(ctx, st)
		switch {
		case problem == nil:
			return fmt.Errorf("%w: %s has it; carillon key rotate-secret replaces it", seal.ErrNotLost, where.keyPlace())
		case where.keyIsInside(), !errors.Is(problem, fs.ErrNotExist) && !errors.Is(problem, seal.ErrWrongKey):
			return problem
		}
		keys, err := st.keys(nil).List(ctx, "")
		if err != nil {
			return err
		}
		if !o.Yes {
			fmt.Fprintf(p.stderr, "carillon: %v\nIf you have a copy of this key anywhere, put it back instead.\n", problem)
			if err := p.ask(ctx, "DELETE "+counted(len(keys), "access key")+" for good"); err != nil {
				return err
			}
		}
		n, err := directory.RecoverSecret(ctx, st, where.keyFile(), st.options)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "deleted %s; the new secret key is in %s\n", counted(n, "access key"), where.keyFile())
		fmt.Fprintln(p.stderr, "carillon: start the service again: it makes a root key")
		return nil
	})
}
