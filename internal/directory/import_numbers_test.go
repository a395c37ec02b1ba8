package directory_test

import (
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
)

// numberRow is a row as it stood in a list, with all that a list tells.
func numberRow(number string, edit ...func(*api.PhoneNumber)) directory.NumberRow {
	n := api.PhoneNumber{
		PhoneNumberId: new("%2B" + number[1:]), E164PhoneNumber: new(number), Country: new("US"), Type: "Local", ProductType: "BusinessCalling",
		Status: "Unassigned", Capabilities: &api.PhoneNumberCapabilities{InboundCall: new(true)}, CallingNameStatus: "Unassigned",
		CreatedTimestamp: now.AddDate(-5, 0, 0), UpdatedTimestamp: now.AddDate(-4, 0, 0),
	}
	for _, e := range edit {
		e(&n)
	}
	return directory.NumberRow{Place: "numbers.json:" + number, Number: n}
}

// had is the edit of a number that a user had.
func had(account, user string) func(*api.PhoneNumber) {
	return func(n *api.PhoneNumber) {
		n.Status = "Assigned"
		n.Associations = []api.PhoneNumberAssociation{
			{Name: "AccountId", Value: &account, AssociatedTimestamp: now.AddDate(-3, 0, 0)},
			{Name: "UserId", Value: &user, AssociatedTimestamp: now.AddDate(-3, 0, 0)},
		}
	}
}

func TestImportNumbers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fillPool(cy, "+12065550199")
		h.as(foreignAccount).order("BusinessCalling", "+12065550199")
		h.advance(0)
		im := h.beginImport(directory.ImportOptions{AWSAccountID: awsAccount})
		mine := func(a *api.Account) { a.AwsAccountId = awsAccount }
		h.imported(im, []directory.AccountRow{accountRow("A", mine)}, userRow("A", "ana", func(u *api.User) { u.PrimaryProvisionedNumber = new(ana) }), userRow("A", "bo"))
		numbers := func(rows ...directory.NumberRow) []string {
			t.Helper()
			return outcomes(ok[[]directory.ImportedRow](t)(im.Numbers(t.Context(), rows)))
		}
		equal(t, "numbers", numbers(
			numberRow(ana, had("A", "ana")), numberRow(bo, had("A", "bo")), numberRow(cy, func(n *api.PhoneNumber) { n.CallingName = new("Cy") }),
			numberRow(free, had("A", "gone"), func(n *api.PhoneNumber) { n.ProductType, n.Type = "VoiceConnector", "TollFree" }),
			numberRow("+12065550105", func(n *api.PhoneNumber) { n.Status, n.DeletionTimestamp = "DeleteInProgress", now.AddDate(0, 0, -1) }),
			numberRow("+12065550106", func(n *api.PhoneNumber) { n.Status = "AcquireFailed" }),
			numberRow("+12065550199"), numberRow("+0", func(n *api.PhoneNumber) {}),
			numberRow("+12065550107", func(n *api.PhoneNumber) { n.ProductType = "Fax" }),
			numberRow(cy), numberRow(cy, func(n *api.PhoneNumber) { n.CallingName = new("Other") }),
		), []string{"completed", "added", "added", "added; the user who had it is neither in these files nor in the store: nobody has it", "added",
			"bad; phone number +12065550106 is AcquireFailed, and the AWS account does not have it",
			"bad; phone number +12065550199 belongs to AWS account " + foreignAccount,
			`bad; E164PhoneNumber "+0" is not a phone number such as +12065550100`,
			`bad; phone number +12065550107: ProductType is "Fax", not one of BusinessCalling, VoiceConnector, SipMediaApplicationDialIn`,
			"unchanged",
			"bad; phone number +14255550102 is already in numbers.json:+14255550102, with different CallingName"})
		h.numberIs(ana, "Assigned AccountId=A UserId=ana")
		h.numberIs(bo, "Assigned AccountId=A UserId=bo")
		equal(t, "since", h.number(bo).Associations[1].AssociatedTimestamp, "2023-03-01T12:00:00.123Z")
		equal(t, "number of bo", h.numberOf("A", "bo"), bo)
		h.numberIs(cy, `Unassigned "Cy" UpdateSucceeded`)
		h.numberIs(free, "Unassigned")
		equal(t, "its times", h.number(free).CreatedTimestamp+" "+h.number(free).UpdatedTimestamp, "2021-03-01T12:00:00.123Z 2022-03-01T12:00:00.123Z")
		h.as(foreignAccount).numberIs("+12065550199", "Unassigned")

		// One who is imported later gets the number that waits, but not that of another.
		equal(t, "users", outcomes(ok[[]directory.ImportedRow](t)(im.Users(t.Context(), []directory.UserRow{
			userRow("A", "cy", func(u *api.User) { u.PrimaryProvisionedNumber = new(cy[1:]) }),
			userRow("A", "thief", func(u *api.User) { u.PrimaryProvisionedNumber = new(bo) }),
		}))), []string{"added", "added; PrimaryProvisionedNumber belongs to somebody else, or is being given up: left out"})
		h.numberIs(cy, `Assigned AccountId=A UserId=cy "Cy" UpdateSucceeded`)
		equal(t, "number of another", h.numberOf("A", "thief"), "")
		equal(t, "again", numbers(numberRow(ana, had("A", "ana")), numberRow(cy, had("A", "cy"))), []string{"unchanged", "unchanged"})

		// The queue goes on from where it was.
		h.advance(6*24*time.Hour - time.Millisecond)
		h.numberIs("+12065550105", "DeleteInProgress")
		h.advance(time.Millisecond)
		h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId=+12065550105", "", "")
		h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["bo"]}`)
	})
}

// The numbers of users are theirs before a list of numbers is imported, and whether one is or not.
// What such a list tells wins, but for who has a number now.
func TestImportNumbers_OfUsers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		mine := func(a *api.Account) { a.AwsAccountId = awsAccount }
		with := func(number string) func(*api.User) {
			return func(u *api.User) { u.PrimaryProvisionedNumber = &number }
		}
		users := []directory.UserRow{
			userRow("A", "ana", with(ana[1:])), userRow("A", "bo", with(bo)), userRow("A", "cy", with("+18005550198")),
			userRow("A", "second", with(ana)), userRow("A", "guest", pending, with(free)),
		}
		const late = "PrimaryProvisionedNumber belongs to somebody else, or is being given up: left out"
		want := []string{"added", "added", "added", "added", "added; " + late,
			"added; PrimaryProvisionedNumber of a user who has not joined: left out"}
		options := directory.ImportOptions{AWSAccountID: awsAccount}
		rows := []directory.NumberRow{
			numberRow(bo, had("A", "ana"), func(n *api.PhoneNumber) { n.CallingName = new("Bo") }),
			numberRow(ana, had("A", "ana"), func(n *api.PhoneNumber) { n.ProductType = "VoiceConnector" }),
		}
		dry := options
		dry.DryRun = true
		for _, o := range []directory.ImportOptions{dry, options} {
			im := h.beginImport(o)
			equal(t, "users", h.imported(im, []directory.AccountRow{accountRow("A", mine)}, users...), want)
			if o == dry {
				equal(t, "numbers in a dry run", outcomes(ok[[]directory.ImportedRow](t)(im.Numbers(t.Context(), rows))), []string{"completed", "completed"})
			}
		}
		h.numberIs(ana, "Assigned AccountId=A UserId=ana")
		h.numberIs("+18005550198", "Assigned AccountId=A UserId=cy")
		equal(t, "type", h.number("+18005550198").Type, "TollFree")
		equal(t, "number of ana", h.numberOf("A", "ana"), ana)
		equal(t, "number of a second user", h.numberOf("A", "second"), "")
		equal(t, "number of a guest", h.numberOf("A", "guest"), "")
		h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId="+free, "", "")
		before := h.number(ana).CreatedTimestamp

		numbers := func(rows ...directory.NumberRow) []string {
			return outcomes(ok[[]directory.ImportedRow](t)(h.beginImport(options).Numbers(t.Context(), rows)))
		}
		equal(t, "users again", h.imported(h.beginImport(options), nil, users[:3]...), []string{"unchanged", "unchanged", "unchanged"})
		equal(t, "numbers", numbers(rows...), []string{"completed", "completed"})
		equal(t, "numbers again", numbers(rows...), []string{"unchanged", "unchanged"})
		h.numberIs(bo, `Assigned AccountId=A UserId=bo "Bo" UpdateSucceeded`)
		equal(t, "since when it is there", []string{before, h.number(ana).CreatedTimestamp}, []string{"", "2021-03-01T12:00:00.123Z"})
		equal(t, "since when ana has it", h.number(ana).Associations[1].AssociatedTimestamp, "2023-03-01T12:00:00.123Z")
		equal(t, "product", h.number(ana).ProductType, "VoiceConnector")

		// The other way round, the list of numbers comes first, and once more.
		row := numberRow(cy, had("A", "dee"))
		equal(t, "a number", numbers(row), []string{"added; the user who had it is neither in these files nor in the store: nobody has it"})
		equal(t, "its user", h.imported(h.beginImport(options), nil, userRow("A", "dee", with(cy))), []string{"added"})
		h.numberIs(cy, "Assigned AccountId=A UserId=dee")
		equal(t, "the number again", numbers(row, row), []string{"completed", "unchanged"})
		equal(t, "since when dee has it", h.number(cy).Associations[1].AssociatedTimestamp, "2023-03-01T12:00:00.123Z")

		// It comes back to the AWS account.
		h.must("DisassociatePhoneNumberFromUser", "accountId=A&userId=ana", "", "")
		h.numberIs(ana, "Unassigned")
	})
}

func TestImportNumberOrders(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.must("UpdateAccount", "accountId=A", "", `{"Name":"B"}`) // so that there is an AWS account
	order := func(id string, status api.PhoneNumberOrderStatus, ordered api.OrderedPhoneNumberStatus) directory.OrderRow {
		return directory.OrderRow{Place: "orders.json:" + id, Order: api.PhoneNumberOrder{
			PhoneNumberOrderId: new(id), ProductType: "VoiceConnector", Status: status, CreatedTimestamp: now.AddDate(-5, 0, 0),
			OrderedPhoneNumbers: []api.OrderedPhoneNumber{{E164PhoneNumber: new(ana), Status: ordered}},
		}}
	}
	const first, second = "01931c71-0b3e-7f60-8c2d-46a1b5e9d073", "01931c71-0b3e-7f60-8c2d-46a1b5e9d074"
	im := h.beginImport(directory.ImportOptions{})
	rows := []directory.OrderRow{order(second, "Processing", "Processing"), order(first, "Successful", "Acquired"), order("x", "Lost", "Acquired"), order(" ", "Failed", "Failed")}
	equal(t, "orders", outcomes(ok[[]directory.ImportedRow](t)(im.NumberOrders(t.Context(), rows))), []string{
		"added; the order was being processed: it has failed", "added",
		`bad; order x: Status is "Lost", not one of Processing, Successful, Failed, Partial`, "bad; PhoneNumberOrderId is missing"})
	h.orderIs(first, "Successful "+ana+"=Acquired")
	h.orderIs(second, "Failed "+ana+"=Failed")
	var list struct {
		PhoneNumberOrders []struct{ PhoneNumberOrderId string }
	}
	parse(t, h.must("ListPhoneNumberOrders", "", "", ""), &list)
	if len(list.PhoneNumberOrders) != 2 || list.PhoneNumberOrders[0].PhoneNumberOrderId != second {
		t.Errorf("the newest order should come first, got %+v", list)
	}
	again := h.beginImport(directory.ImportOptions{})
	rows[1].Order.ProductType = "BusinessCalling"
	equal(t, "again", outcomes(ok[[]directory.ImportedRow](t)(again.NumberOrders(t.Context(), rows[:2]))), []string{
		"unchanged", "differs; order " + first + " is in the store, with different ProductType"})

	settings := func(im *directory.Import, name string) []string {
		row := directory.NumberSettingsRow{Place: "settings.json", Settings: api.GetPhoneNumberSettingsOutput{CallingName: new(name), CallingNameUpdatedTimestamp: now.AddDate(-1, 0, 0)}}
		return outcomes(ok[[]directory.ImportedRow](t)(im.NumberSettings(t.Context(), []directory.NumberSettingsRow{row})))
	}
	equal(t, "settings", settings(im, "Example"), []string{"added"})
	equal(t, "settings again", settings(im, "Example"), []string{"unchanged"})
	equal(t, "other settings", settings(im, "Other"), []string{
		"bad; phone number settings of AWS account " + awsAccount + " are already in settings.json, with different CallingName"})
	equal(t, "others than those in the store", settings(h.beginImport(directory.ImportOptions{}), "Other"), []string{
		"differs; phone number settings of AWS account " + awsAccount + " are in the store, with different CallingName"})

	// Of two AWS accounts, one must be named.
	h.as(foreignAccount).must("UpdatePhoneNumberSettings", "", "", `{"CallingName":"Foreign"}`)
	_, err := h.beginImport(directory.ImportOptions{}).Numbers(t.Context(), []directory.NumberRow{numberRow(ana)})
	equal(t, "without an AWS account", exception(err), api.BadRequestException)
}
