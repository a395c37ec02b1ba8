package console

import "strings"

// place is an entry of a menu.
type place struct {
	Path, Text string
	Here       bool // the page is this place, or below it
}

// menu lists the places of a menu: paths behind [Prefix], with the operation that their pages begin
// with. People are shown only places whose operation their key may use.
type menu []struct{ path, word, operation string }

var mainMenu = menu{
	{"/accounts", "nav.accounts", "ListAccounts"},
	{"/jobs", "nav.jobs", "ListJobs"},
	{"/audit", "nav.audit", "ReadAudit"},
	{"/numbers", "nav.numbers", "ListPhoneNumbers"},
	{"/keys", "nav.keys", "ListKeys"},
	{"/report", "nav.report", "CountUsers"},
}

// accountMenu is the menu of an account; its paths are behind that of the account.
var accountMenu = menu{
	{"/users", "nav.users", "SearchUsers"},
	{"/import", "nav.import", "ListUsers"},
	{"/rooms", "nav.rooms", "ListRooms"},
	{"/bots", "nav.bots", "ListBots"},
	{"/settings", "nav.settings", "GetAccount"},
}

// testMenu is what the main menu has besides if the service is for tests. Its pages call no
// operation.
var testMenu = menu{{"/faults", "nav.faults", ""}, {"/clock", "nav.clock", ""}}

// navOf returns the main menu for a page.
func navOf(f frame) []place {
	places := mainMenu.places(f.Visit, "")
	if f.Visit.TestMode != nil {
		places = append(places, testMenu.places(f.Visit, "")...)
	}
	return places
}

// accountNavOf returns the menu of the account that a page is about.
func accountNavOf(f frame) []place {
	return accountMenu.places(f.Visit, local("/accounts/%s", f.Account.ID))
}

func (m menu) places(v *visit, before string) []place {
	var list []place
	for _, each := range m {
		if each.operation != "" && !v.may(each.operation) {
			continue
		}
		path := before + each.path
		here := v.r.URL.EscapedPath()
		list = append(list, place{v.base + path, say(each.word), here == path || strings.HasPrefix(here, path+"/")})
	}
	return list
}
