package directory_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/directory"
)

// pool lists numbers as the operator sees them, in a short form.
func (h *house) pool(query directory.PoolQuery) string {
	h.t.Helper()
	var all []string
	for n, err := range h.operator().Numbers(context.Background(), query) {
		if err != nil {
			h.t.Fatal(err)
		}
		text := strings.Join([]string{n.PhoneNumber, n.Country, n.Type, n.City, n.State, n.AreaCode, strings.Join(n.Capabilities, "+"), n.AWSAccountID}, "|")
		if n.Failing {
			text += "|failing"
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

const allCapabilities = "InboundCall+OutboundCall+InboundSMS+OutboundSMS+InboundMMS+OutboundMMS"

func TestOperator_AddNumbers(t *testing.T) {
	for _, test := range []struct {
		row  directory.PoolRow
		want string // what is known then, or the end of the problem
	}{
		{directory.PoolRow{PhoneNumber: "+12065550100"}, "+12065550100|US|Local|||206|" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: "1 (206) 555.01-00", Country: "us", Type: "local", City: " Seattle ", State: "wa", AreaCode: "206", Capabilities: "none"},
			"+12065550100|US|Local|Seattle|WA|206||"},
		{directory.PoolRow{PhoneNumber: "%2B18005550100", Type: "toll-free", Capabilities: "inboundcall; OutboundSMS"},
			"+18005550100|US|TollFree|||800|InboundCall+OutboundSMS|"},
		{directory.PoolRow{PhoneNumber: "+17875550100"}, "+17875550100|PR|Local|||787|" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: "+14165550100"}, "+14165550100|CA|Local|||416|" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: "+448005550100", Type: "TollFree", AreaCode: "800"}, "+448005550100|GB|TollFree|||800|" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: "+358912345678"}, "+358912345678|FI|Local||||" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: "+33123456789", Country: "FR"}, "+33123456789|FR|Local||||" + allCapabilities + "|"},
		{directory.PoolRow{PhoneNumber: ""}, "is no phone number"},
		{directory.PoolRow{PhoneNumber: "+0206555010"}, "is no phone number"},
		{directory.PoolRow{PhoneNumber: "206-CARILLON"}, "is no phone number"},
		{directory.PoolRow{PhoneNumber: "+33123456789"}, "name the country"},
		{directory.PoolRow{PhoneNumber: "2065550100", Country: "US"}, "of another country, not of US"},
		{directory.PoolRow{PhoneNumber: "+12065550100", Country: "CA"}, "of US, not of CA"},
		{directory.PoolRow{PhoneNumber: "+12065550100", Country: "USA"}, "code of two letters"},
		{directory.PoolRow{PhoneNumber: "+120655501001"}, "10 digits after the +1"},
		{directory.PoolRow{PhoneNumber: "+12065550100", Type: "TollFree"}, "of type Local, not TollFree"},
		{directory.PoolRow{PhoneNumber: "+12065550100", Type: "Mobile"}, "neither Local nor TollFree"},
		{directory.PoolRow{PhoneNumber: "+12065550100", AreaCode: "425"}, "is 206, not 425"},
		{directory.PoolRow{PhoneNumber: "+12065550100", Capabilities: "fax"}, "there is no capability"},
	} {
		h := newHouse(t)
		done, err := h.operator().AddNumbers(t.Context(), []directory.PoolRow{test.row})
		switch {
		case err != nil:
			t.Fatal(err)
		case done[0].Outcome == directory.PoolAdded:
			equal(t, "the pool", h.pool(directory.PoolQuery{}), test.want)
		case !strings.Contains(done[0].Problem, test.want) || h.pool(directory.PoolQuery{}) != "":
			t.Errorf("%+v: got %+v and the pool %q, want %s", test.row, done[0], h.pool(directory.PoolQuery{}), test.want)
		}
	}
}

func TestOperator_ChangeNumbers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("BusinessCalling", ana)
		h.fillPool(bo)
		records := len(h.audit())
		outcomes := func(done []directory.PoolChange, err error) (all []directory.PoolOutcome) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range done {
				if (d.Problem != "") != (d.Outcome == directory.PoolRefused) {
					t.Errorf("got %+v", d)
				}
				all = append(all, d.Outcome)
			}
			return all
		}
		op := h.operator()
		row := func(number, city string) directory.PoolRow {
			return directory.PoolRow{PhoneNumber: number, City: city, State: "WA"}
		}
		equal(t, "added", outcomes(op.AddNumbers(t.Context(), []directory.PoolRow{
			row(bo, "Tacoma"), row(bo, "Tacoma"), row(ana, "Tacoma"), row(ana, "Seattle"), {PhoneNumber: "x"}, row(cy, ""), row(cy, "Kent"),
		})), []directory.PoolOutcome{directory.PoolChanged, directory.PoolUnchanged, directory.PoolRefused, directory.PoolUnchanged,
			directory.PoolRefused, directory.PoolAdded, directory.PoolChanged})
		equal(t, "audit", h.audited(records), []string{`AddNumbers 111122223333  {"PhoneNumbers": 2}`})
		equal(t, "available", h.pool(directory.PoolQuery{Available: true}), bo+"|US|Local|Tacoma|WA|206|"+allCapabilities+"|\n"+
			cy+"|US|Local|Kent|WA|425|"+allCapabilities+"|")
		equal(t, "owned", h.pool(directory.PoolQuery{Owned: true}), ana+"|US|Local|Seattle|WA|206|"+allCapabilities+"|"+awsAccount)
		equal(t, "rows that say nothing new", outcomes(op.AddNumbers(t.Context(), []directory.PoolRow{
			{PhoneNumber: ana}, {PhoneNumber: bo}, {PhoneNumber: bo, Capabilities: "none"}, {PhoneNumber: bo, City: "Tacoma"},
			{PhoneNumber: bo, Capabilities: "all"}})), []directory.PoolOutcome{directory.PoolUnchanged, directory.PoolUnchanged,
			directory.PoolChanged, directory.PoolUnchanged, directory.PoolChanged})
		equal(t, "what they left", h.pool(directory.PoolQuery{Available: true}), bo+"|US|Local|Tacoma|WA|206|"+allCapabilities+"|\n"+
			cy+"|US|Local|Kent|WA|425|"+allCapabilities+"|")
		records = len(h.audit()) - 1
		equal(t, "owned by another", h.pool(directory.PoolQuery{Owner: foreignAccount}), "")
		equal(t, "removed", outcomes(op.RemoveNumbers(t.Context(), []string{ana, bo[1:], bo, "x"})), []directory.PoolOutcome{
			directory.PoolRefused, directory.PoolRemoved, directory.PoolRefused, directory.PoolRefused})
		equal(t, "what is left", strings.Count(h.pool(directory.PoolQuery{}), "\n"), 1)
		h.refused("BadRequestException", "SearchAvailablePhoneNumbers", "", "", "")
		equal(t, "records", h.audited(records)[1:], []string{`RemoveNumbers 111122223333  {"PhoneNumbers": 1}`})
	})
}
