package carillon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/importer"
	"github.com/carillon-project/carillon/internal/store"
)

// tableAccount is the id of the account that a seed makes for the users of a table, which does not
// say whose they are.
const tableAccount = "00000000-0000-4000-8000-000000000001"

// seedReader returns what fills a new service for tests from a file, as `carillon import` would. If
// anything in the file cannot be imported, nothing is, and the error says where it is.
func (p *program) seedReader(name, awsAccountID string) func(context.Context, *directory.Operator) error {
	return func(ctx context.Context, operator *directory.Operator) error {
		if name == "-" {
			return p.misused("--seed takes a file: a service for tests loads it at its start, and not from standard input")
		}
		rows := &importer.Rows{}
		if err := p.readFiles(rows, []string{name}); err != nil {
			return p.badInput("reading the seed: %w", err)
		}
		if rows.Table != "" {
			account := api.Account{
				AwsAccountId: cmp.Or(awsAccountID, defaultAWSAccount), AccountId: tableAccount, Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
			}
			if slices.ContainsFunc(rows.Users, func(row directory.UserRow) bool {
				return row.User.UserRegistrationStatus == api.RegistrationStatusSuspended
			}) {
				account.AccountType = api.AccountTypeEnterpriseLWA // which alone has such users
			}
			rows.Accounts = append(rows.Accounts, directory.AccountRow{Place: name, Account: account})
			if slices.ContainsFunc(rows.Users, func(row directory.UserRow) bool { return row.User.AccountId != nil }) {
				rows.Notes.Add(name, "the users of a table get one account of their own, so its AccountId: left out")
			}
			for i := range rows.Users {
				rows.Users[i].User.AccountId = new(tableAccount)
			}
		}
		owner, err := seedOwner(rows.Accounts, awsAccountID)
		if err != nil {
			return p.badInput("the seed %s cannot be loaded: %w", name, err)
		}
		options := directory.ImportOptions{AWSAccountID: owner, Named: true}
		if len(rows.Accounts) == 1 { // bots and settings, which name no account, are of this one
			options.AccountID = rows.Accounts[0].Account.AccountId
		}
		for _, options.DryRun = range []bool{true, false} {
			report := &importReport{stdout: io.Discard, stderr: p.stderr, rows: rows, dryRun: options.DryRun}
			im, err := operator.Import(ctx, options)
			if err == nil {
				_, err = report.all(ctx, im)
			}
			refused, ok := errors.AsType[*api.Error](err)
			switch {
			case err != nil && !ok:
				return err
			case ok && report.bad == 0: // else it may be a consequence of the rows
				return p.badInput("the seed %s cannot be loaded: %s", name, refused.Message)
			case report.bad+len(rows.Cut) > 0:
				for _, id := range im.UnknownAccounts() {
					if id != "" && !slices.ContainsFunc(rows.Accounts, func(row directory.AccountRow) bool { return row.Account.AccountId == id }) {
						report.complain("account %.64s is unknown: put what aws chime get-account prints of it into the seed, too", id)
					}
				}
				return p.badInput("the seed %s cannot be loaded: rows that cannot be imported: %d", name, report.bad+len(rows.Cut))
			}
			for line := range rows.Notes.Lines() { // once: both runs note the same
				if options.DryRun && strings.Contains(line, ": left out") {
					report.complain("%s", line)
				}
			}
		}
		return nil
	}
}

// seedOwner returns the AWS account of all that is in a seed: the given one, else that of its
// accounts. The one access key of a service for tests sees no other.
func seedOwner(accounts []directory.AccountRow, given string) (string, error) {
	owner, said := given, "--aws-account-id"
	for _, row := range accounts {
		id, err := awsAccountID(row.Account.AwsAccountId)
		switch {
		case err != nil: // the import says so
		case owner == "":
			owner, said = id, row.Place
		case id != owner:
			return "", fmt.Errorf("%s: account %.64s is of AWS account %s, and %s says %s, while the one access key of a service for tests "+
				"sees one AWS account: give all accounts the same AwsAccountId", row.Place, row.Account.AccountId, id, said, owner)
		}
	}
	return cmp.Or(owner, defaultAWSAccount), nil
}

// isNew reports whether nothing is in a store yet.
func isNew(ctx context.Context, st store.Store) (is bool, err error) {
	err = st.View(ctx, func(tx store.ReadTx) error {
		owners, err := tx.AWSAccounts()
		is = len(owners) == 0
		return err
	})
	return is, err
}
