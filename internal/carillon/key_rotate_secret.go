package carillon

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/shell"
)

type keyRotateSecretOptions struct {
	database
	Finish bool
}

// keyRotateSecretCommand declares `carillon key rotate-secret`.
func (p *program) keyRotateSecretCommand() *cobra.Command {
	var o keyRotateSecretOptions
	c := &cobra.Command{
		Use:   "rotate-secret",
		Short: "replace the secret key that encrypts access keys",
		Long: `Make a new secret key and encrypt all access keys with it. The access keys
themselves stay as they are, and a running service goes on without refusing a
request.

A key file that --secret-key-file names may have copies, so the former key stays
valid too. When every copy has been replaced by the new file, run the command once
more with --finish: then the former key opens nothing any more.

If the command is cut short, services go on and start as before. Run it again to
carry the rotation through. Keep the former key as long as you keep backups from
before: carillon restore needs it for them.` + besideService,
		Example: `carillon key rotate-secret`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.rotateSecret(c.Context(), o) },
	}
	f := flagsOf(c)
	f.toggle(&o.Finish, "finish", "end a rotation: the former key is of no use any more")
	o.database.flags(f)
	o.database.secretKeyFlag(f)
	return c
}

func (p *program) rotateSecret(ctx context.Context, o keyRotateSecretOptions) error {
	where := o.orDefault()
	return p.onStore(ctx, where, func(st openStore) error {
		sealer, err := where.sealer(ctx, st)
		if err != nil {
			return &codedError{exitNoStore, err}
		}
		keys := st.keys(sealer)
		if o.Finish {
			return keys.ForgetSecret(ctx)
		}
		n, err := keys.RotateSecret(ctx, where.SecretKeyFile == "")
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "a new secret key encrypts %s; it is in %s\n", counted(n, "access key"), where.keyPlace())
		if !where.keyIsInside() {
			fmt.Fprintf(p.stderr, "carillon: backups from before can be restored only with the former key, which is no longer in %s: "+
				"keep a copy of it as long as you keep them, or make a new backup\n", where.keyFile())
		}
		if where.SecretKeyFile != "" {
			fmt.Fprintf(p.stderr, "carillon: the former key still opens them: replace its copies by %s, then run\n%s\n", where.SecretKeyFile,
				"carillon key rotate-secret --finish --secret-key-file "+shell.Quote(where.SecretKeyFile))
		}
		return nil
	})
}

// counted spells a number of things: "1 key", "2 keys".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
