package console

import (
	"github.com/carillon-project/carillon/internal/document"
)

// mostAccounts is how many accounts the page of accounts lists.
const mostAccounts = 200

type accountsPage struct {
	Accounts []*document.Object
	More     bool
	Name     string // what their names begin with, as somebody has searched
}

func (c *Console) accounts(v *visit) error {
	p := accountsPage{Name: v.r.FormValue("name")}
	var err error
	if p.Accounts, p.More, err = v.all("ListAccounts", input("Name", p.Name, "MaxResults", document.Int(100)), "Accounts", mostAccounts); err != nil {
		return err
	}
	return v.show("accounts", p)
}

// account returns the account that the path names.
func (v *visit) account() (ofAccount, error) {
	out, err := v.call("GetAccount", input("AccountId", v.r.PathValue("account")))
	if err != nil {
		return ofAccount{}, err
	}
	o := object(out, "Account")
	return ofAccount{&account{o.Text("AccountId"), o.Text("Name"), o.Text("AccountType"), o.Text("AccountStatus")}}, nil
}
