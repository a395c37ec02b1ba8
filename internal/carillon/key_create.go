package carillon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/nearest"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/profile"
)

type keyCreateOptions struct {
	database
	Name         string
	Policy       string // the name of a managed policy, or of a file
	Expires      moment
	AWSAccountID string
	WriteProfile string // name of the new profile, empty for none
	EndpointURL  string // for the profile
	Format       string
}

// keyCreateCommand declares `carillon key create`.
func (p *program) keyCreateCommand() *cobra.Command {
	var o keyCreateOptions
	c := &cobra.Command{
		Use:   "create",
		Short: "make an access key with a policy",
		Long: `Make an access key and print it as a profile for ~/.aws/credentials.

The secret is shown this once. With --write-profile it goes into a new profile in
~/.aws instead, and is printed only if --output json or table asks for it. Then
"aws --profile NAME chime list-accounts" uses the key.` + besideService,
		Example: `carillon key create --name reports --policy AmazonChimeReadOnly
carillon key create --name helpdesk --policy AmazonChimeUserManagement \
    --expires 90d --write-profile helpdesk \
    --endpoint-url http://127.0.0.1:24463`,
		RunE: func(c *cobra.Command, _ []string) error { return p.createKey(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Name, "name NAME", "name of the key, which the audit trail shows: 1 to 64 of A-Z a-z 0-9 and +=,.@_-", required)
	f.text(&o.Policy, "policy POLICY", "what the key may do: "+strings.Join(managedPolicies(), ", ")+", or a file with a policy document",
		required, completedBy(policyOrFile))
	parsed(f, &o.Expires, after, "expires WHEN", "", "when the key ends: a duration such as 90d, a date (which begins at midnight UTC) or a time; without this flag, never")
	awsAccountFlag(f, &o.AWSAccountID)
	f.text(&o.WriteProfile, "write-profile NAME", "put the key into a new profile of this name in ~/.aws")
	f.text(&o.EndpointURL, "endpoint-url URL", "URL of the service, for the profile; without this flag, AWS_ENDPOINT_URL_CHIME must name it where the key is used")
	outputFlag(f, &o.Format, formatProfile, formatJSON, formatTable)
	o.database.flags(f)
	o.database.secretKeyFlag(f)
	return c
}

func (p *program) createKey(ctx context.Context, o keyCreateOptions) error {
	request := directory.NewKey{Name: o.Name}
	var err error
	if request.Policy, err = readPolicy(o.Policy); err != nil {
		return p.badInput("--policy: %w", err)
	}
	parsed, err := policy.Parse(request.Policy) // if it cannot be read, Create says why
	if err == nil && !slices.Contains(managedPolicies(), request.Policy) {
		for _, idle := range parsed.Idle() {
			fmt.Fprintf(p.stderr, "carillon: warning: %s: %s\n", o.Policy, idle)
		}
		if wrong := misspelled(parsed.Unknown(actions())); len(wrong) > 0 {
			fmt.Fprintf(p.stderr, "carillon: warning: %s: what it says of these has no effect, since the service has no such actions: %s\n",
				o.Policy, strings.Join(wrong, ", "))
		}
	}
	if o.EndpointURL != "" {
		if err := profile.CheckEndpointFlag(o.EndpointURL); err != nil {
			return p.badInput("%w", err)
		}
	}
	if o.WriteProfile != "" {
		if err := p.isNewProfile(o.WriteProfile); err != nil {
			return p.badInput("--write-profile: %w", err)
		}
	}
	where := o.orDefault()
	return p.onStore(ctx, where, func(st openStore) error {
		request.Expires = o.Expires.by(st.now())
		if request.AWSAccountID, err = awsAccount(ctx, st, o.AWSAccountID); err != nil {
			return err
		}
		sealer, err := where.sealer(ctx, st)
		if err != nil {
			return &codedError{exitNoStore, err}
		}
		keys := st.keys(sealer)
		key, err := keys.Create(ctx, request)
		if err != nil {
			return err
		}
		if o.WriteProfile != "" {
			if err := p.writeProfile(o.WriteProfile, key, o.EndpointURL); err != nil {
				// A secret that nobody has got is of no use.
				return errors.Join(fmt.Errorf("writing profile %s (the key is deleted again): %w", o.WriteProfile, err), keys.Delete(ctx, key.ID))
			}
			fmt.Fprintf(p.stderr, "carillon: access key %s is in the new profile %s\n", key.ID, o.WriteProfile)
		}
		if o.EndpointURL == "" && (o.WriteProfile != "" || o.Format == formatProfile) {
			fmt.Fprintln(p.stderr, "carillon: the profile has no endpoint: set AWS_ENDPOINT_URL_CHIME where it is used, or give --endpoint-url here")
		}
		switch {
		case o.Format != formatProfile:
			return p.print(o.Format, "CreateKey", document.NewObject(document.Member{Key: "AccessKey", Value: document.NewObject(
				document.Member{Key: "AccessKeyId", Value: key.ID},
				document.Member{Key: "SecretAccessKey", Value: key.Secret},
			)}))
		case o.WriteProfile == "":
			_, err = fmt.Fprint(p.stdout, profileBlock(key, o.EndpointURL))
		}
		return err
	})
}

func managedPolicies() []string {
	return []string{policy.FullAccess, policy.ReadOnly, policy.UserManagement}
}

// actions lists all actions that policies can be about.
func actions() (all []string) {
	for _, op := range chime.Service.All() {
		all = append(all, chime.Service.SigningName+":"+op.Name)
	}
	for _, op := range extension.Operations {
		all = append(all, extension.ActionPrefix+":"+op.Name)
	}
	return all
}

// misspelled returns the actions that there are not, each with the one that was perhaps meant. A
// document from elsewhere may also be about services that are none of ours: those are left out.
func misspelled(unknown []string) (wrong []string) {
	services := []string{chime.Service.SigningName, extension.ActionPrefix}
	for _, word := range unknown {
		service, name, _ := strings.Cut(word, ":")
		if service = nearest.Typo(service, services); service == "" {
			continue
		}
		var names []string
		for _, action := range actions() {
			if rest, ok := strings.CutPrefix(action, service+":"); ok {
				names = append(names, rest)
			}
		}
		is := func(action string) bool {
			same, err := path.Match(strings.ToLower(name), strings.ToLower(action))
			return same && err == nil
		}
		if strings.ContainsAny(name, "*?") && slices.ContainsFunc(names, is) {
			names = []string{name} // it is the service that is wrong
		}
		if meant := nearest.Typo(name, names); meant != "" {
			word += " (did you mean " + service + ":" + meant + "?)"
		}
		wrong = append(wrong, word)
	}
	return wrong
}

// readPolicy returns the name of a managed policy as it is, and the text of a file otherwise.
func readPolicy(nameOrFile string) (string, error) {
	if slices.Contains(managedPolicies(), nameOrFile) {
		return nameOrFile, nil
	}
	text, err := readText(nameOrFile)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is neither a managed policy nor a file %q: use %s, or the name of a file", nameOrFile, strings.Join(managedPolicies(), ", "))
	}
	return string(text), err
}

// Every client has to name a region, and its signature does; which one makes no difference.
const profileRegion = "us-east-1"

// isNewProfile refuses a profile that exists: its keys may be the only copy of those of AWS.
func (p *program) isNewProfile(name string) error {
	err := profile.New(p.env, profile.Flags{Profile: &name}).Check()
	if _, ok := errors.AsType[profile.NotFoundError](err); ok {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("there is a profile %s already: choose another name", name)
	}
	return err
}

// writeProfile adds a profile to the files in ~/.aws, the secret last.
func (p *program) writeProfile(name string, key directory.Key, endpoint string) error {
	settings := profile.New(p.env, profile.Flags{})
	options := []profile.Option{{Name: "region", Value: profileRegion}}
	if endpoint != "" {
		// For all services: another one would not know the key anyway.
		options = append(options, profile.Option{Name: "endpoint_url", Value: endpoint})
	}
	if err := settings.SetConfig(name, options...); err != nil {
		return err
	}
	if narrowed, err := settings.NarrowCredentials(); err != nil {
		return err
	} else if narrowed != "" {
		fmt.Fprintf(p.stderr, "carillon: warning: other users of the machine could use %s: its permissions are narrower now\n", narrowed)
	}
	return settings.SetCredentials(name,
		profile.Option{Name: "aws_access_key_id", Value: key.ID},
		profile.Option{Name: "aws_secret_access_key", Value: key.Secret})
}

// profileBlock is a profile with all that it takes, for the credentials file.
func profileBlock(key directory.Key, endpoint string) string {
	block := fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n", key.Name, key.ID, key.Secret, profileRegion)
	if endpoint != "" {
		block += "endpoint_url = " + endpoint + "\n"
	}
	return block
}
