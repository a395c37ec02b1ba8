package carillon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/importer"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

type importOptions struct {
	database
	directory.ImportOptions
	Sheet string // of workbooks; empty for the first one
}

// importCommand declares `carillon import`.
func (p *program) importCommand() *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import FILE ...",
		Short: `import accounts, users, rooms, bots, numbers saved by "aws chime"`,
		Long: `Import accounts, users, chat rooms, bots, phone numbers and settings from saved output
of "aws chime". Ids, dates, licenses, tokens and order are kept. Bots, account settings and
retention settings name no account, so they need --account-id. Bots get events again once
put-events-configuration says where.

A FILE holds what list-accounts, list-users, list-rooms, list-room-memberships,
list-bots, list-phone-numbers, list-phone-number-orders, or the get-command for one
of these, or get-phone-number-settings, get-global-settings, get-account-settings or
get-retention-settings printed as JSON, one page or many, or a table of users, .csv
or .xlsx, with the columns userId and email. A table may have all other columns of
carillon bulk export, too; without AccountId it needs --account-id.
- is standard input. What the store has already stays as it is, so that a
file can be imported again. Rows that cannot be imported are listed and skipped;
the exit code is then 1. A file that cannot be read is refused, and so is one whose
account belongs to another AWS account in the store. Then nothing is imported.` + besideService,
		Example: `carillon import --dry-run accounts.json users.json
carillon import accounts.json users.json
carillon import rooms.json memberships.json
carillon import --account-id Acme bots.json retention.json`,
		RunE:              func(c *cobra.Command, words []string) error { return p.importFiles(c.Context(), o, words) },
		ValidArgsFunction: filesOf("json", "csv", "xlsx"),
	}
	f := flagsOf(c)
	f.text(&o.AccountID, "account-id ACCOUNT", "account, by its id or its name, of the rows that name none, or one that is not known",
		completedBy(p.storeAccounts(&o.database)))
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "AWS account of phone numbers, orders, their settings and global settings, which do not say it (default that of the accounts)")
	f.text(&o.Sheet, "sheet NAME", "sheet to read of each workbook (default the first that is not hidden)")
	f.toggle(&o.DryRun, "dry-run", "say what would be done, and change nothing")
	o.database.flags(f)
	return c
}

func (p *program) importFiles(ctx context.Context, o importOptions, names []string) error {
	d := o.database.orDefault()
	rows := &importer.Rows{Sheet: o.Sheet}
	err := p.readFiles(rows, names)
	if err != nil {
		return p.named(err)
	}
	if rows.Homeless != "" && o.AccountID == "" {
		return p.misused(rows.Homeless + " names users without their account: say which one by --account-id, or in a column AccountId")
	}
	dataFlag := ""
	if d.URL == "" && d.Data != defaultData {
		dataFlag = " --data " + shell.Quote(d.Data)
	}
	data, made, err := d.makeStore(o.DryRun)
	if err != nil {
		return &codedError{exitNoStore, p.named(err)}
	}
	if data != d.Data {
		defer os.RemoveAll(data)
	}
	if made {
		fmt.Fprintf(p.stderr, "carillon: made a database in %s, which had none\n", data)
	}
	d.Data = data
	return p.onStore(ctx, d, func(st openStore) error {
		if o.AccountID != "" {
			named, err := findAccount(ctx, st.operator(), o.AccountID, rows.Accounts...)
			if err != nil {
				return err
			}
			o.AccountID = named.ID
		}
		r := &importReport{stdout: p.stdout, stderr: p.stderr, rows: rows, dryRun: o.DryRun, dataFlag: dataFlag}
		return r.run(ctx, st.operator(), o.ImportOptions)
	})
}

// readFiles reads all files before anything is changed, so that a missing one stops the import.
func (p *program) readFiles(rows *importer.Rows, names []string) error {
	for _, name := range names {
		var file io.ReadCloser = io.NopCloser(p.stdin)
		if name != "-" {
			var err error
			if file, err = os.Open(name); err != nil {
				return usagef("opening a file: %w", err)
			}
		}
		err := rows.Read(name, file)
		file.Close()
		if refused, ok := errors.AsType[*importer.Refused](err); ok {
			return &codedError{exitUsage, refused}
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return nil
}

// makeStore makes a database if there is none. A dry run makes its own in a temporary directory,
// which the caller removes.
func (d *database) makeStore(dry bool) (dir string, made bool, err error) {
	if err := d.exists(); !errors.Is(err, fs.ErrNotExist) {
		return d.Data, false, nil
	}
	if dir = d.Data; dry {
		if dir, err = os.MkdirTemp("", "carillon-import-"); err != nil {
			return "", false, err
		}
	}
	// No restore may run at the same time.
	release, err := sqlite.Lock(dir)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	st, err := sqlite.Open(context.Background(), dir, sqlite.Options{Beside: true, Companions: companions})
	if err != nil {
		return "", false, err
	}
	return dir, !dry, st.Close()
}

// importReport runs an import and tells what came of it: results on stdout, the rest on stderr.
type importReport struct {
	stdout, stderr io.Writer
	rows           *importer.Rows
	dryRun         bool
	dataFlag       string // " --data DIR" for the commands that are suggested, or ""
	bad            int    // rows that cannot be read or imported
}

func (r *importReport) complain(format string, args ...any) {
	fmt.Fprintf(r.stderr, "carillon: "+format+"\n", args...)
}

func (r *importReport) run(ctx context.Context, o *directory.Operator, options directory.ImportOptions) error {
	im, err := o.Import(ctx, options)
	if err != nil {
		return err
	}
	accounts, err := r.all(ctx, im)
	if err != nil {
		return err
	}
	for line := range r.rows.Notes.Lines() {
		r.complain("%s", line)
	}
	for _, line := range r.rows.Unfinished() {
		r.complain("%s", line)
	}
	if err := r.advise(ctx, im, accounts); err != nil {
		return err
	}
	return r.left()
}

// left returns an error that says what is not imported, if anything is not.
func (r *importReport) left() error {
	var parts []string
	switch {
	case r.bad == 1:
		parts = append(parts, "1 bad row is skipped")
	case r.bad > 1:
		parts = append(parts, fmt.Sprintf("%d bad rows are skipped", r.bad))
	}
	if n := len(r.rows.Cut); n > 0 {
		parts = append(parts, counted(n, "file")+" could not be read to the end")
	}
	if parts == nil {
		return nil
	}
	return errors.New(strings.Join(parts, ", and "))
}

// all imports all rows, and returns what became of the accounts.
func (r *importReport) all(ctx context.Context, im *directory.Import) (accounts []directory.ImportedRow, err error) {
	for _, problem := range slices.Concat(r.rows.Problems, r.rows.Cut) {
		r.complain("%s", problem)
	}
	r.bad = len(r.rows.Problems)
	if len(r.rows.Numbers)+len(r.rows.Orders)+len(r.rows.NumberSettings)+len(r.rows.GlobalSettings) > 0 {
		if err := im.Owned(ctx, r.rows.Accounts); err != nil {
			return nil, err
		}
	}
	accounts, err = im.Accounts(ctx, r.rows.Accounts)
	if accounts == nil && err != nil { // nothing was begun
		return nil, err
	}
	r.results("accounts", accounts, func(i int) string { return r.rows.Accounts[i].Place })
	if err != nil {
		return nil, err
	}
	users, err := im.Users(ctx, r.rows.Users)
	r.results("users", users, func(i int) string { return r.rows.Users[i].Place })
	if err != nil {
		return nil, fmt.Errorf("%d of %d users are done, import again to continue: %w", len(users), len(r.rows.Users), err)
	}
	if len(r.rows.Bots) > 0 { // before the rooms that they are in
		bots, err := im.Bots(ctx, r.rows.Bots)
		r.results("bots", bots, func(i int) string { return r.rows.Bots[i].Place })
		if err != nil {
			return nil, fmt.Errorf("%d of %d bots are done, import again to continue: %w", len(bots), len(r.rows.Bots), err)
		}
	}
	if len(r.rows.Rooms)+len(r.rows.Memberships) > 0 {
		if err := r.chats(ctx, im); err != nil {
			return nil, err
		}
	}
	if err := r.numbers(ctx, im); err != nil {
		return nil, err
	}
	return accounts, r.settings(ctx, im)
}

// chats imports rooms, and then who is in them.
func (r *importReport) chats(ctx context.Context, im *directory.Import) error {
	rooms, err := im.Rooms(ctx, r.rows.Rooms)
	r.results("rooms", rooms, func(i int) string { return r.rows.Rooms[i].Place })
	if err != nil {
		return fmt.Errorf("%d of %d rooms are done, import again to continue: %w", len(rooms), len(r.rows.Rooms), err)
	}
	memberships, err := im.Memberships(ctx, r.rows.Memberships)
	r.results("memberships", memberships, func(i int) string { return r.rows.Memberships[i].Place })
	if err != nil {
		return fmt.Errorf("%d of %d memberships are done, import again to continue: %w", len(memberships), len(r.rows.Memberships), err)
	}
	return nil
}

// numbers imports telephone numbers, and what goes with them.
func (r *importReport) numbers(ctx context.Context, im *directory.Import) error {
	if len(r.rows.Numbers) > 0 {
		numbers, err := im.Numbers(ctx, r.rows.Numbers)
		if numbers == nil && err != nil {
			return err
		}
		r.results("phone numbers", numbers, func(i int) string { return r.rows.Numbers[i].Place })
		if err != nil {
			return fmt.Errorf("%d of %d phone numbers are done, import again to continue: %w", len(numbers), len(r.rows.Numbers), err)
		}
	}
	if len(r.rows.Orders) > 0 {
		orders, err := im.NumberOrders(ctx, r.rows.Orders)
		if err != nil {
			return err
		}
		r.results("phone number orders", orders, func(i int) string { return r.rows.Orders[i].Place })
	}
	if len(r.rows.NumberSettings) > 0 {
		settings, err := im.NumberSettings(ctx, r.rows.NumberSettings)
		if err != nil {
			return err
		}
		r.results("phone number settings", settings, func(i int) string { return r.rows.NumberSettings[i].Place })
	}
	return nil
}

// settings imports settings of an AWS account, and of the account that the import is given.
func (r *importReport) settings(ctx context.Context, im *directory.Import) error {
	if len(r.rows.GlobalSettings) > 0 {
		settings, err := im.GlobalSettings(ctx, r.rows.GlobalSettings)
		if err != nil {
			return err
		}
		r.results("global settings", settings, func(i int) string { return r.rows.GlobalSettings[i].Place })
	}
	if len(r.rows.AccountSettings) > 0 {
		settings, err := im.AccountSettings(ctx, r.rows.AccountSettings)
		if err != nil {
			return err
		}
		r.results("account settings", settings, func(i int) string { return r.rows.AccountSettings[i].Place })
	}
	if len(r.rows.RetentionSettings) > 0 {
		settings, err := im.RetentionSettings(ctx, r.rows.RetentionSettings)
		if err != nil {
			return err
		}
		r.results("retention settings", settings, func(i int) string { return r.rows.RetentionSettings[i].Place })
	}
	return nil
}

// results lists the rows that are bad or differ, and prints how many have which outcome.
func (r *importReport) results(what string, rows []directory.ImportedRow, place func(int) string) {
	var count [directory.RowBad + 1]int
	for i, row := range rows {
		count[row.Outcome]++
		switch row.Outcome {
		case directory.RowBad:
			r.bad++
			r.complain("%s: %s", place(i), row.Reason)
		case directory.RowDiffers:
			r.complain("%s: %s: the store stays as it is", place(i), row.Reason)
		}
		for _, text := range row.Notes {
			r.rows.Notes.Add(place(i), text)
		}
	}
	would := ""
	if r.dryRun {
		would = "to be "
	}
	var parts []string
	for _, c := range []struct {
		outcome directory.RowOutcome
		name    string
	}{
		{directory.RowAdded, would + "added"},
		{directory.RowCompleted, would + "completed"},
		{directory.RowUnchanged, "unchanged"},
		{directory.RowDiffers, "differing"},
		{directory.RowBad, "bad"},
	} {
		if count[c.outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[c.outcome], c.name))
		}
	}
	if parts == nil {
		parts = []string{"none"}
	}
	fmt.Fprintf(r.stdout, "%s: %s\n", what, strings.Join(parts, ", "))
}

// advise tells the user what else to do.
func (r *importReport) advise(ctx context.Context, im *directory.Import, accounts []directory.ImportedRow) error {
	for _, id := range im.UnknownAccounts() {
		if id == "" {
			r.complain("some rows name no account: choose one with --account-id")
			continue
		}
		r.complain("account %.64s is unknown: import what list-accounts or get-account printed of it along with these rows, "+
			"or choose an existing account for them with --account-id (carillon account create makes one)", id)
	}
	for i, row := range accounts {
		a := r.rows.Accounts[i].Account
		if row.Outcome == directory.RowAdded && strings.HasPrefix(string(a.AccountType), "Enterprise") {
			r.complain("account %.64s is of type %s, and no file lists its domains: claim each with carillon domain claim%s --account-id %s DOMAIN",
				a.AccountId, a.AccountType, r.dataFlag, shell.Quote(a.AccountId))
		}
	}
	root, others, err := im.Keyless(ctx)
	if err != nil {
		return err
	}
	if root != "" {
		r.complain("the next carillon serve gives the root key to AWS account %s, unless --aws-account-id names another", root)
	}
	for _, owner := range others {
		r.complain("AWS account %s has no access key: make one with carillon key create%s --aws-account-id %s --name admin --policy %s",
			owner, r.dataFlag, owner, policy.FullAccess)
	}
	return nil
}
