package carillon

import (
	"iter"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
)

// bulkJobsCommand declares `carillon bulk jobs`.
func (p *program) bulkJobsCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "jobs [DIR]",
		Short: "list the jobs that have their ledgers in a folder",
		Long: `List the jobs that have their ledgers in a folder, the oldest first; without DIR,
in this one. Other files are passed over. Nothing is changed, and no service is
asked: a job may be running.

A job is running, stopped, finished, or rolled back by another one in the folder.
carillon bulk status says how to go on with it.`,
		Example: `carillon bulk jobs
carillon bulk jobs ~/jobs --output json`,
		RunE: func(_ *cobra.Command, words []string) error { return p.bulkJobs(first(words), format) },
		ValidArgsFunction: once(func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}),
	}
	outputFlag(flagsOf(c), &format, formatText, formatJSON)
	return c
}

func (p *program) bulkJobs(dir, format string) error {
	jobs, err := bulk.Jobs(dir)
	if err != nil {
		return err
	}
	if format == formatJSON {
		list := make([]any, len(jobs))
		for i, j := range jobs {
			list[i] = stateDocument(j)
		}
		return p.print(formatJSON, "", document.NewObject(document.Member{Key: "jobs", Value: list}))
	}
	var columns []column
	for _, title := range []string{"Ledger", "Action", "Account", "Started", "By", "Done", "Failed", "Not finished", "State"} {
		columns = append(columns, column{title, title})
	}
	return listLines(p.stdout, columns, jobLines(jobs))
}

// jobLines makes jobs into items of a list for people.
func jobLines(jobs []*bulk.Job) iter.Seq2[*document.Object, error] {
	return func(yield func(*document.Object, error) bool) {
		for _, j := range jobs {
			o := new(document.Object)
			setTexts(o, "Ledger", j.Path, "Action", string(j.Action), "Account", j.Name, "By", j.By, "State", stateOf(j))
			if j.Name == "" {
				o.Set("Account", j.Account)
			}
			if !j.Began.IsZero() {
				o.Set("Started", j.Began.Local().Format("2006-01-02 15:04"))
			}
			if j.Damage == nil {
				o.Set("Done", strconv.Itoa(j.Done))
				o.Set("Failed", strconv.Itoa(j.Failed))
				o.Set("Not finished", strconv.Itoa(j.Left))
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// stateOf says to a person how far a job has come.
func stateOf(j *bulk.Job) string {
	switch {
	case j.Damage != nil:
		return string(j.State) + ": " + j.Damage.Error()
	case j.RolledBack != "":
		return string(j.State) + " by " + j.RolledBack
	}
	return string(j.State)
}

// stateDocument is a job in the words of a ledger. Of a damaged ledger it has what is known.
func stateDocument(j *bulk.Job) *document.Object {
	o := headDocument(&j.Head)
	if !j.Began.IsZero() {
		setTexts(o, "started", j.Began.UTC().Format(time.RFC3339), "latest", j.Latest.UTC().Format(time.RFC3339))
	}
	setTexts(o, "ledger", j.Path, "state", string(j.State), "rolled_back_by", j.RolledBack)
	if j.Damage != nil {
		o.Set("error", j.Damage.Error())
		return o
	}
	o.Set("done", document.Int(j.Done))
	o.Set("failed", document.Int(j.Failed))
	o.Set("skipped", document.Int(j.Skipped))
	o.Set("left", document.Int(j.Left))
	return o
}
