package carillon

import (
	"context"
	"errors"
	"io"
	"path/filepath"
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
		options := directory.ImportOptions{AWSAccountID: awsAccountID}
		if rows.Table != "" {
			rows.Accounts = append(rows.Accounts, directory.AccountRow{Place: name, Account: api.Account{
				AwsAccountId: awsAccountID, AccountId: tableAccount, Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
			}})
		}
		if len(rows.Accounts) == 1 { // what names no account is of this one
			options.AccountID = rows.Accounts[0].Account.AccountId
		}
		for _, options.DryRun = range []bool{true, false} {
			report := &importReport{stdout: io.Discard, stderr: p.stderr, rows: rows, dryRun: options.DryRun}
			im, err := operator.Import(ctx, options)
			if err == nil {
				_, err = report.all(ctx, im)
			}
			if refused, ok := errors.AsType[*api.Error](err); ok {
				return p.badInput("the seed %s cannot be loaded: %s", name, refused.Message)
			}
			if err != nil {
				return err
			}
			if bad := report.bad + len(rows.Cut); bad > 0 {
				return p.badInput("the seed %s cannot be loaded: rows that cannot be imported: %d", name, bad)
			}
		}
		return nil
	}
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
