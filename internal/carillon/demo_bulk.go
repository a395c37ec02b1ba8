package carillon

import (
	"os"
	"path/filepath"
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
