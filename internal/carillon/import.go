package carillon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/importer"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/store"
)

// importFiles is `carillon import`.
func (p *program) importFiles(ctx context.Context, args []string) error {
	c := p.onStore("import", "adopts accounts and users from saved output of `aws chime`.\n\n"+
		"Ids, dates, licenses and order are kept. Files hold what list-accounts, list-users, get-account or\n"+
		"get-user printed as JSON, one page or many, or a CSV table with the columns userId and email; - is\n"+
		"standard input. What the store has already stays as it is, so that a file can be imported again.\n"+
		"Rows that cannot be are named and left out; the exit code is then 1.")
	c.takes = "FILE ..."
	var options directory.AdoptOptions
	c.StringVar(&options.AccountID, "account-id", "", "`ID` of the account for users who name none, or one that is not known; CSV needs it")
	c.BoolVar(&options.DryRun, "dry-run", false, "say what would be done, and change nothing")
	if err := c.parse(args); err != nil {
		return err
	}
	rows, err := p.readFiles(c.words)
	if err != nil {
		return c.judge(err)
	}
	if rows.Table != "" && options.AccountID == "" {
		return c.misused(rows.Table + " names users without their account: say which one by --account-id")
	}
	dataFlag := ""
	if c.URL == "" && c.Data != defaultData {
		dataFlag = " --data " + shellQuote(c.Data)
	}
	data, made, err := c.makeStore(options.DryRun)
	if err != nil {
		return &codedError{exitNoStore, fmt.Errorf("import: %w", err)}
	}
	if data != c.Data {
		defer os.RemoveAll(data)
	}
	if made {
		fmt.Fprintf(p.stderr, "carillon: there was no database in %s; there is one now\n", data)
	}
	c.Data = data
	return c.do(ctx, func(st store.Store) error {
		r := &adoptionReport{program: p, rows: rows, dry: options.DryRun, flags: dataFlag}
		return r.adopt(ctx, operator(st), options)
	})
}

// readFiles reads all files, so that one that is missing is found before anything is done.
func (p *program) readFiles(names []string) (*importer.Rows, error) {
	rows := new(importer.Rows)
	for _, name := range names {
		var file io.ReadCloser = io.NopCloser(p.stdin)
		if name != "-" {
			var err error
			if file, err = os.Open(name); err != nil {
				return nil, usagef("opening a file: %w", err)
			}
		}
		err := rows.Read(name, file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return rows, nil
}

// makeStore sees to it that there is a database. A dry run makes do with one of its own, in
// another directory that the caller removes.
func (c *storeCommand) makeStore(dry bool) (dir string, made bool, err error) {
	if err := c.exists(); !errors.Is(err, fs.ErrNotExist) {
		return c.Data, false, nil
	}
	if dir = c.Data; dry {
		if dir, err = os.MkdirTemp("", "carillon-import-"); err != nil {
			return "", false, err
		}
	}
	// What makes a database of a directory keeps a restore out, and is kept out by it.
	release, err := store.LockDir(dir)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	st, err := store.OpenSQLite(context.Background(), dir, store.Options{Beside: true})
	if err != nil {
		return "", false, err
	}
	return dir, !dry, st.Close()
}

// adoptionReport carries out an import and says what came of it: results on standard output,
// the rest on standard error.
type adoptionReport struct {
	*program
	rows  *importer.Rows
	dry   bool
	flags string // for commands that are suggested
	bad   int
}

func (r *adoptionReport) complain(format string, args ...any) {
	fmt.Fprintf(r.stderr, "carillon: "+format+"\n", args...)
}

func (r *adoptionReport) adopt(ctx context.Context, o *directory.Operator, options directory.AdoptOptions) error {
	for _, problem := range r.rows.Problems {
		r.complain("%s", problem)
	}
	r.bad = len(r.rows.Problems)
	a, err := o.Adopt(ctx, options)
	if err != nil {
		return err
	}
	accounts, err := a.Accounts(ctx, r.rows.Accounts)
	r.account("accounts", accounts, func(i int) string { return r.rows.Accounts[i].Place })
	if err != nil {
		return err
	}
	users, err := a.Users(ctx, r.rows.Users)
	r.account("users", users, func(i int) string { return r.rows.Users[i].Place })
	if err != nil {
		return fmt.Errorf("%d of %d users are done, import again to go on: %w", len(users), len(r.rows.Users), err)
	}
	for line := range r.rows.Notes.Lines() {
		r.complain("%s", line)
	}
	if err := r.advise(ctx, a, accounts); err != nil {
		return err
	}
	if r.bad > 0 {
		return fmt.Errorf("%d bad rows are left out", r.bad)
	}
	return nil
}

// account names rows that were refused or differ, and counts all.
func (r *adoptionReport) account(what string, rows []directory.Adopted, place func(int) string) {
	var count [directory.RowRefused + 1]int
	for i, row := range rows {
		count[row.Fate]++
		switch row.Fate {
		case directory.RowRefused:
			r.bad++
			r.complain("%s: %s", place(i), row.Reason)
		case directory.RowDiffers:
			r.complain("%s: %s: it stays as it is", place(i), row.Reason)
		}
		for _, text := range row.Notes {
			r.rows.Notes.Add(place(i), text)
		}
	}
	would := ""
	if r.dry {
		would = "to be "
	}
	var parts []string
	for _, c := range []struct {
		fate directory.RowFate
		name string
	}{
		{directory.RowAdded, would + "added"},
		{directory.RowCompleted, would + "completed"},
		{directory.RowKnown, "unchanged"},
		{directory.RowDiffers, "differing"},
		{directory.RowRefused, "bad"},
	} {
		if count[c.fate] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[c.fate], c.name))
		}
	}
	if parts == nil {
		parts = []string{"none"}
	}
	fmt.Fprintf(r.stdout, "%s: %s\n", what, strings.Join(parts, ", "))
}

// advise says what else is to be done.
func (r *adoptionReport) advise(ctx context.Context, a *directory.Adoption, accounts []directory.Adopted) error {
	for _, id := range a.Homeless() {
		if id == "" {
			r.complain("some users name no account: say which one by --account-id")
			continue
		}
		r.complain("account %.64s is not known: import what list-accounts or get-account printed of it along with its users, "+
			"or put them into an account that exists (carillon account create makes one) by --account-id", id)
	}
	for i, row := range accounts {
		if kind := r.rows.Accounts[i].AccountType; row.Fate == directory.RowAdded && strings.HasPrefix(string(kind), "Enterprise") {
			r.complain("account %.64s is %s, and no file tells its domains: carillon domain claim%s --account-id %s DOMAIN",
				r.rows.Accounts[i].AccountId, kind, r.flags, shellQuote(r.rows.Accounts[i].AccountId))
		}
	}
	root, others, err := a.Keyless(ctx)
	if err != nil {
		return err
	}
	if root != "" {
		r.complain("the next carillon serve gives the root key to AWS account %s, unless --aws-account-id names another", root)
	}
	for _, owner := range others {
		r.complain("no key opens AWS account %s: carillon key create%s --aws-account-id %s --name admin --policy %s", owner, r.flags, owner, policy.FullAccess)
	}
	return nil
}
