package carillon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

// keyCommand declares `carillon key`.
func (p *program) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "make, list, disable, enable and delete access keys",
		Long: `Make access keys for people and programs, and take them away. A key belongs to an
AWS account and has a policy, which says what it may do there.`,
	}
	c.AddCommand(p.keyCreateCommand(), p.keyListCommand(), p.keyDisableCommand(), p.keyEnableCommand(), p.keyDeleteCommand(),
		p.keyRotateSecretCommand(), p.keyRecoverCommand())
	return c
}

// changed returns the error of a change of the key that a word names. A word that is the name of
// keys, and no id, is told the ids: nothing keeps a name from being given to another key later.
func changed(ctx context.Context, keys *directory.Keys, word string, err error) error {
	if !errors.Is(err, directory.ErrUnknownKey) {
		return err
	}
	all, listing := keys.List(ctx, "")
	if listing != nil {
		return err
	}
	var named []string
	for _, key := range all {
		if key.Name == word {
			named = append(named, fmt.Sprintf("%s (AWS account %s)", key.ID, key.AWSAccountID))
		}
	}
	switch len(named) {
	case 0:
		return err
	case 1:
		return fmt.Errorf("%w: that is a name, give the id: %s", err, named[0])
	}
	return fmt.Errorf("%w: that is the name of %d keys, give the id of one: %s", err, len(named), strings.Join(named, ", "))
}

// keyDocument shows a key in the manner of the API, as it is now. A root key has no policy: it may
// do everything in its AWS account. Neither has a former root key, which is named like one.
func keyDocument(key directory.Key, now time.Time) *document.Object {
	status := "Active"
	switch {
	case key.Disabled:
		status = "Disabled"
	case !key.Expires.IsZero() && !now.Before(key.Expires):
		status = "Expired"
	}
	lastUsed := "never"
	if !key.LastUsed.IsZero() {
		lastUsed = key.LastUsed.Format(time.DateOnly)
	}
	rules := key.Policy
	if v, err := document.Parse(rules); err == nil {
		rules = string(document.AppendCompact(nil, v)) // on one line, for tables
	}
	o := document.NewObject(
		document.Member{Key: "AccessKeyId", Value: key.ID},
		document.Member{Key: "AwsAccountId", Value: key.AWSAccountID},
		document.Member{Key: "Name", Value: key.Name},
		document.Member{Key: "Root", Value: key.Root},
		document.Member{Key: "Policy", Value: rules},
		document.Member{Key: "Status", Value: status},
		document.Member{Key: "CreatedTimestamp", Value: api.FormatTime(key.Created)},
		document.Member{Key: "LastUsed", Value: lastUsed},
	)
	if !key.Expires.IsZero() {
		o.Set("ExpiresTimestamp", api.FormatTime(key.Expires))
	}
	return o
}
