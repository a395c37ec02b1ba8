package carillon

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
)

// What the commands that go on from the ledger of a job have in common.

// ledgerFlags declares the flag that makes sure of the account.
func (o *bulkOptions) ledgerFlags(p *program, f *flags) {
	f.text(&o.Account, "account-id ACCOUNT", "refuse a ledger that is about another account than this, by its id or its name",
		completedBy(p.serviceAccounts(&o.connection)))
}

// againCommand completes resume and retry: they differ in what they prepare.
func (p *program) againCommand(prepare func(*bulk.Account, context.Context, *bulk.Ledger) error, c *cobra.Command) *cobra.Command {
	var o bulkOptions
	c.RunE = func(c *cobra.Command, words []string) error { return p.goOn(c.Context(), o, words[0], prepare) }
	c.ValidArgsFunction = once(ledgers)
	f := flagsOf(c)
	o.ledgerFlags(p, f)
	o.brakeFlags(f)
	o.jobFlags(f)
	o.connection.flags(f)
	return c
}

// goOn opens a ledger and the account that it is about, and goes on with its job.
func (p *program) goOn(ctx context.Context, o bulkOptions, path string, prepare func(*bulk.Account, context.Context, *bulk.Ledger) error) error {
	r, err := p.jobRun(ctx, o)
	if err != nil {
		return err
	}
	l, err := bulk.OpenLedger(path, time.Now)
	if err != nil {
		return err
	}
	defer l.Close()
	a, err := r.connect(ctx, l.Account, l.Job)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Belongs(&l.Plan, l.Path); err != nil {
		return err
	}
	if err := prepare(a, ctx, l); err != nil {
		return err
	}
	if err := r.brake(&l.Plan); err != nil {
		return err
	}
	if l.Count(bulk.Planned)+l.Count(bulk.Sent) > 0 {
		if err := r.confirm(ctx, &l.Plan); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(r.text(), "nothing to change")
	}
	return r.run(ctx, a, l)
}

// ledgers completes by the ledgers in a directory, and by directories.
func ledgers(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	dir, _ := filepath.Split(begun)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, noFiles
	}
	var found []cobra.Completion
	directories := true
	for _, entry := range entries {
		path := dir + entry.Name()
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			found = append(found, path+string(filepath.Separator))
		} else if head, ok := ledgerHead(path); ok {
			found = append(found, described(path, fmt.Sprintf("%s, account %s, job %s", head.Action, head.Account, head.Job)))
			directories = false
		}
	}
	found = beginning(begun, found)
	if directories { // no blank after the name of one
		return found, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	return found, noFiles
}

// ledgerHead returns what a ledger is about; ok is false for a file that is none.
func ledgerHead(path string) (head bulk.Head, ok bool) {
	if !strings.HasSuffix(path, ".jsonl") {
		return head, false
	}
	f, err := os.Open(path)
	if err != nil {
		return head, false
	}
	defer f.Close()
	head, err = bulk.ReadHead(f)
	return head, err == nil && head.Job != ""
}
