package carillon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/store"
)

// keyCreate is `carillon key create`.
func (p *program) keyCreate(ctx context.Context, args []string) error {
	c := p.onStore("key create", "makes an access key and prints it as a profile for ~/.aws/credentials.\n\n"+
		"The secret is shown this once. With --write-profile it goes into ~/.aws, and is printed only if --output\n"+
		"json or table asks for it. Then `aws --profile NAME chime list-accounts` uses the key.", "profile", "json", "table")
	var request directory.NewKey
	c.StringVar(&request.AWSAccountID, "aws-account-id", "", awsAccountUsage)
	c.moment(&request.Expires, "expires", 1, "`WHEN` the key ends: a duration such as 90d, a date (it begins at midnight UTC) or a time (default never)")
	name := c.require("name", "`NAME` of the key, which the audit trail shows: 1 to 64 of A-Z a-z 0-9 and +=,.@_-")
	rules := c.require("policy", "`POLICY` that says what the key may do: "+strings.Join(managedPolicies(), ", ")+",\n      or the name of a file with a policy document")
	endpoint := c.String("endpoint-url", "", "`URL` of the service, for the profile (default none: AWS_ENDPOINT_URL_CHIME has to say it)")
	target := c.String("write-profile", "", "`NAME` of a new profile to put into ~/.aws")
	c.StringVar(&c.SecretKeyFile, "secret-key-file", "", "`FILE` with the key that encrypts access keys (default DIR/secret.key, or within PostgreSQL)")
	err := c.parse(args)
	if err != nil {
		return err
	}
	request.Name = *name
	if request.Policy, err = readPolicy(*rules); err != nil {
		return usagef("%s: --policy: %w", c.Name(), err)
	}
	if *endpoint != "" {
		if err := profile.CheckEndpointFlag(*endpoint); err != nil {
			return usagef("%s: %w", c.Name(), err)
		}
	}
	if *target != "" {
		if err := p.isNewProfile(*target); err != nil {
			return usagef("%s: --write-profile: %w", c.Name(), err)
		}
	}
	return c.do(ctx, func(st store.Store) error {
		if request.AWSAccountID, err = awsAccount(ctx, st, request.AWSAccountID); err != nil {
			return err
		}
		sealer, err := c.sealer(ctx, st)
		if err != nil {
			return &codedError{exitNoStore, err}
		}
		keys := directory.NewKeys(st, sealer, directory.Options{Operator: person()})
		key, err := keys.Create(ctx, request)
		if err != nil {
			return err
		}
		if *target != "" {
			if err := p.writeProfile(*target, key, *endpoint); err != nil {
				// A secret that nobody has got is of no use.
				return errors.Join(fmt.Errorf("writing profile %s (the key is deleted again): %w", *target, err), keys.Delete(ctx, key.ID))
			}
			fmt.Fprintf(p.stderr, "carillon: access key %s is in the new profile %s\n", key.ID, *target)
		}
		if *endpoint == "" {
			fmt.Fprintln(p.stderr, "carillon: the profile has no endpoint: set AWS_ENDPOINT_URL_CHIME where it is used, or give --endpoint-url here")
		}
		switch {
		case c.format != "profile":
			return c.print("CreateKey", document.NewObject(document.Member{Key: "AccessKey", Value: document.NewObject(
				document.Member{Key: "AccessKeyId", Value: key.ID},
				document.Member{Key: "SecretAccessKey", Value: key.Secret},
			)}))
		case *target == "":
			_, err = fmt.Fprint(p.stdout, profileBlock(key, *endpoint))
		}
		return err
	})
}

func managedPolicies() []string {
	return []string{policy.FullAccess, policy.ReadOnly, policy.UserManagement}
}

// readPolicy returns the name of a managed policy as it is, and the text of a file otherwise.
func readPolicy(nameOrFile string) (string, error) {
	if slices.Contains(managedPolicies(), nameOrFile) {
		return nameOrFile, nil
	}
	text, err := os.ReadFile(nameOrFile)
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
	if errors.As(err, new(profile.NotFoundError)) {
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

// keyList is `carillon key list`.
func (p *program) keyList(ctx context.Context, args []string) error {
	c := p.onStore("key list", "lists the access keys, without their secrets, those that are disabled or have expired too.", "json", "table")
	owner := c.String("aws-account-id", "", "`ID` of the AWS account whose keys to list (default all)")
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		keys, err := directory.NewKeys(st, nil, directory.Options{}).List(ctx, *owner)
		if err != nil {
			return err
		}
		list := []any{}
		for _, key := range keys {
			list = append(list, keyDocument(key))
		}
		return c.print("ListKeys", document.NewObject(document.Member{Key: "AccessKeys", Value: list}))
	})
}

// keyDocument shows a key in the manner of the API. A root key has no policy: it may do
// everything in its AWS account.
func keyDocument(key directory.Key) *document.Object {
	status := "Active"
	switch {
	case key.Disabled:
		status = "Disabled"
	case !key.Expires.IsZero() && !time.Now().Before(key.Expires):
		status = "Expired"
	}
	rules := key.Policy
	if v, err := document.Parse(rules); err == nil {
		rules = string(document.AppendCompact(nil, v)) // on one line, for tables
	}
	o := document.NewObject(
		document.Member{Key: "AccessKeyId", Value: key.ID},
		document.Member{Key: "AwsAccountId", Value: key.AWSAccountID},
		document.Member{Key: "Name", Value: key.Name},
		document.Member{Key: "Policy", Value: rules},
		document.Member{Key: "Status", Value: status},
		document.Member{Key: "CreatedTimestamp", Value: timestamp(key.Created)},
	)
	if !key.Expires.IsZero() {
		o.Set("ExpiresTimestamp", timestamp(key.Expires))
	}
	return o
}

// timestamp writes a time as the API does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// keyDisable is `carillon key disable`.
func (p *program) keyDisable(ctx context.Context, args []string) error {
	c := p.onStore("key disable", "makes the service refuse a key from the next request on, and prints the key without its secret.", "json", "table")
	c.takes = "KEY-ID"
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		key, err := directory.NewKeys(st, nil, directory.Options{Operator: person()}).Disable(ctx, c.words[0])
		if err != nil {
			return err
		}
		return c.print("DisableKey", document.NewObject(document.Member{Key: "AccessKey", Value: keyDocument(key)}))
	})
}

// keyDelete is `carillon key delete`.
func (p *program) keyDelete(ctx context.Context, args []string) error {
	c := p.onStore("key delete", "removes a key for good. It prints nothing.\n\n"+
		"When the root key is gone, the next start of the service makes another.")
	c.takes = "KEY-ID"
	if err := c.parse(args); err != nil {
		return err
	}
	return c.do(ctx, func(st store.Store) error {
		return directory.NewKeys(st, nil, directory.Options{Operator: person()}).Delete(ctx, c.words[0])
	})
}
