package carillon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// bulkScene changes the licenses of a thousand people and takes it back. It leaves the directory
// as it was.
func (d *demonstration) bulkScene(dir string) {
	people, plan, ledger := filepath.Join(dir, "people.csv"), filepath.Join(dir, "plan.jsonl"), filepath.Join(dir, "ledger.jsonl")
	if err := os.WriteFile(people, demoTable, 0o600); err != nil {
		d.fail(err)
	}
	d.say("Now a thousand people, from the table %s.", people)
	account := d.pick("Account.AccountId", d.aws(words("chime create-account --name", "Example School")))
	here := words("--account-id", account)
	d.bulk(0, words("invite"), here, words("--yes --ledger", filepath.Join(dir, "invited.jsonl")), words("", people))

	d.say("The table says who needs which license. What would change? The last lines of the plan:")
	d.bulk(4, words("plan"), here, words("-o", plan), words("", people))
	d.say("Do it. Each row has its line in the ledger, before and after its call.")
	d.bulk(0, words("apply --yes --ledger", ledger), words("", plan))
	d.say("And take it back, by the ledger.")
	d.bulk(0, words("rollback --yes --ledger", filepath.Join(dir, "undone.jsonl")), words("", ledger))
	d.bulk(0, words("plan"), here, words("--all --set LicenseType=Pro"))

	d.say("Remove them again: that is what it means to suspend somebody in a Team account.")
	d.bulk(0, words("suspend"), here, words("--all --yes --ledger", filepath.Join(dir, "removed.jsonl")))
	d.aws(words("chime delete-account"), here)
}

// bulk shows a command of carillon bulk and runs it, like aws. Of a long output it shows the last
// lines only, as tail does; with 0 all.
func (d *demonstration) bulk(last int, groups ...[]string) {
	if d.err != nil {
		return
	}
	line, args := "\n$ carillon bulk", []string{"bulk"}
	for i, group := range groups {
		if i > 0 {
			line += " \\\n   "
		}
		for _, word := range group {
			line += " " + shellQuote(word)
		}
		args = append(args, group...)
	}
	var out bytes.Buffer
	shown := d.stdout
	if last > 0 {
		line += fmt.Sprintf(" | tail -n %d", last)
		shown = &out
	}
	fmt.Fprintln(d.stdout, line)
	// Both streams are one here: what a person sees.
	if code := Main(d.ctx, args, d.env, strings.NewReader(""), shown, d.stdout); code != exitDone {
		d.fail(fmt.Errorf("demo: carillon bulk %s ended with exit code %d", args[1], code))
	}
	lines := strings.SplitAfter(out.String(), "\n")
	io.WriteString(d.stdout, strings.Join(lines[max(0, len(lines)-1-last):], ""))
}
