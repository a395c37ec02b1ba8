package directory_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

const (
	ana  = "+12065550100"
	bo   = "+12065550101"
	cy   = "+14255550102"
	free = "+18005550103"
	uk   = "+442079460104"
)

// fillPool adds numbers to the pool, those in Seattle if they begin with its area code.
func (h *house) fillPool(numbers ...string) {
	h.t.Helper()
	rows := make([]directory.PoolRow, len(numbers))
	for i, n := range numbers {
		rows[i].PhoneNumber = n
		if strings.HasPrefix(n, "+1206") {
			rows[i].City, rows[i].State = "Seattle", "WA"
		}
	}
	done, err := h.operator().AddNumbers(context.Background(), rows)
	for i, d := range done {
		if d.Outcome != directory.PoolAdded {
			h.t.Fatalf("AddNumbers: row %+v: got %+v", rows[i], d)
		}
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// order orders numbers and returns the id of the order.
func (h *house) order(product string, numbers ...string) string {
	h.t.Helper()
	var made struct {
		PhoneNumberOrder struct{ PhoneNumberOrderId string }
	}
	parse(h.t, h.must("CreatePhoneNumberOrder", "", "", orderOf(product, numbers...)), &made)
	return made.PhoneNumberOrder.PhoneNumberOrderId
}

func orderOf(product string, numbers ...string) string {
	return fmt.Sprintf(`{"ProductType":%q,"E164PhoneNumbers":%s}`, product, quoted(numbers))
}

func quoted(texts []string) string {
	all := make([]string, len(texts))
	for i, s := range texts {
		all[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// own makes numbers those of the AWS account.
func (h *house) own(product string, numbers ...string) {
	h.t.Helper()
	h.fillPool(numbers...)
	h.order(product, numbers...)
	h.advance(0)
}

type apiNumber struct {
	PhoneNumberId, E164PhoneNumber, Country, Type, ProductType, Status, CallingName, CallingNameStatus string
	CreatedTimestamp, UpdatedTimestamp, DeletionTimestamp                                              string
	Associations                                                                                       []struct{ Name, Value, AssociatedTimestamp string }
	Capabilities                                                                                       map[string]bool
}

// String is the number in a short form: its state, who has it, and its calling name.
func (n apiNumber) String() string {
	text := n.Status
	for _, a := range n.Associations {
		text += " " + a.Name + "=" + a.Value
	}
	if n.CallingNameStatus != "Unassigned" {
		text += fmt.Sprintf(" %q %s", n.CallingName, n.CallingNameStatus)
	}
	return text
}

func (h *house) number(id string) apiNumber {
	h.t.Helper()
	var out struct{ PhoneNumber apiNumber }
	parse(h.t, h.must("GetPhoneNumber", "phoneNumberId="+id, "", ""), &out)
	return out.PhoneNumber
}

// numberIs checks a number, in its short form.
func (h *house) numberIs(id, want string) {
	h.t.Helper()
	equal(h.t, id, h.number(id).String(), want)
}

// orderIs checks an order: its status, and that of each number.
func (h *house) orderIs(id, want string) {
	h.t.Helper()
	var out struct {
		PhoneNumberOrder struct {
			Status              string
			OrderedPhoneNumbers []struct{ E164PhoneNumber, Status string }
		}
	}
	parse(h.t, h.must("GetPhoneNumberOrder", "phoneNumberOrderId="+id, "", ""), &out)
	got := out.PhoneNumberOrder.Status
	for _, n := range out.PhoneNumberOrder.OrderedPhoneNumbers {
		got += " " + n.E164PhoneNumber + "=" + n.Status
	}
	equal(h.t, "order", got, want)
}

// numberList returns the numbers on a page of ListPhoneNumbers, and the token of the next.
func (h *house) numberList(query string) (numbers []string, next string) {
	h.t.Helper()
	var page struct {
		PhoneNumbers []apiNumber
		NextToken    string
	}
	parse(h.t, h.must("ListPhoneNumbers", "", query, ""), &page)
	numbers = []string{}
	for _, n := range page.PhoneNumbers {
		numbers = append(numbers, n.E164PhoneNumber)
	}
	return numbers, page.NextToken
}

// found returns what a search finds on one page, and the token of the next.
func (h *house) found(query string) (numbers []string, next string) {
	h.t.Helper()
	var page struct {
		E164PhoneNumbers []string
		NextToken        string
	}
	parse(h.t, h.must("SearchAvailablePhoneNumbers", "", query, ""), &page)
	return page.E164PhoneNumbers, page.NextToken
}

func (h *house) numberErrors(out string) []string {
	h.t.Helper()
	var list struct {
		PhoneNumberErrors []struct{ PhoneNumberId, ErrorCode, ErrorMessage string }
	}
	parse(h.t, out, &list)
	got := []string{}
	for _, e := range list.PhoneNumberErrors {
		if e.ErrorMessage == "" {
			h.t.Errorf("an error without a message: %s", out)
		}
		got = append(got, e.PhoneNumberId+" "+e.ErrorCode)
	}
	return got
}

// give associates a number with a user.
func (h *house) give(account, user, number string) {
	h.t.Helper()
	h.must("AssociatePhoneNumberWithUser", "accountId="+account+"&userId="+user, "", fmt.Sprintf(`{"E164PhoneNumber":%q}`, number))
}

// numberOf returns the number of a user, and what the user may do with it.
func (h *house) numberOf(account, user string) string {
	h.t.Helper()
	var out struct {
		User struct{ PrimaryProvisionedNumber string }
	}
	parse(h.t, h.must("GetUser", "accountId="+account+"&userId="+user, "", ""), &out)
	settings := h.must("GetUserSettings", "accountId="+account+"&userId="+user, "", "")
	return strings.TrimSpace(out.User.PrimaryProvisionedNumber + strings.Repeat(" allowed", strings.Count(settings, "true")))
}

func TestListSupportedPhoneNumberCountries(t *testing.T) {
	h := newHouse(t)
	countries := func(product string) string {
		t.Helper()
		var out struct {
			PhoneNumberCountries []struct {
				CountryCode               string
				SupportedPhoneNumberTypes []string
			}
		}
		parse(t, h.must("ListSupportedPhoneNumberCountries", "", "product-type="+product, ""), &out)
		var all []string
		for _, c := range out.PhoneNumberCountries {
			all = append(all, c.CountryCode+" "+strings.Join(c.SupportedPhoneNumberTypes, "+"))
		}
		return strings.Join(all, ", ")
	}
	equal(t, "BusinessCalling", countries("BusinessCalling"), "US Local, PR Local")
	equal(t, "VoiceConnector", countries("VoiceConnector"), "US Local+TollFree, PR Local+TollFree")
	equal(t, "SipMediaApplicationDialIn", countries("SipMediaApplicationDialIn"), "US Local+TollFree, AU Local+TollFree, AT Local+TollFree, "+
		"CA Local+TollFree, CH Local+TollFree, DE Local+TollFree, DK Local+TollFree, FI Local+TollFree, GB Local+TollFree, IE Local+TollFree, "+
		"IT Local+TollFree, KR TollFree, NG Local, NZ Local+TollFree, SE Local+TollFree")
	h.refused(api.BadRequestException, "ListSupportedPhoneNumberCountries", "", "", "")
	h.refused(api.BadRequestException, "ListSupportedPhoneNumberCountries", "", "product-type=Fax", "")
}

func TestSearchAvailablePhoneNumbers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fillPool(ana, bo, cy, free, uk, "+17875550105", "+442079460001", "+448005550001")
		for query, want := range map[string]string{
			"area-code=206":                                 ana + " " + bo,
			"area-code=206&country=US":                      ana + " " + bo,
			"area-code=425&phone-number-type=Local":         cy,
			"area-code=206&phone-number-type=TollFree":      "",
			"area-code=212":                                 "",
			"state=wa":                                      ana + " " + bo,
			"city=seattle&state=WA":                         ana + " " + bo,
			"city=Tacoma&state=WA":                          "",
			"toll-free-prefix=800":                          free,
			"toll-free-prefix=888":                          "",
			"country=GB&phone-number-type=Local":            "+442079460001 " + uk + " +448005550001",
			"country=GB&phone-number-type=TollFree":         "",
			"country=DE&phone-number-type=Local":            "",
			"country=PR&phone-number-type=Local":            "+17875550105",
			"country=PR&area-code=787":                      "+17875550105",
			"area-code=206&max-results=500&next-token=":     ana + " " + bo,
			"type=phone-numbers&area-code=425&max-results=": "", // not an integer, see below
		} {
			if strings.HasPrefix(query, "type=") {
				h.refused(api.BadRequestException, "SearchAvailablePhoneNumbers", "", query, "")
				continue
			}
			got, next := h.found(query)
			if strings.Join(got, " ") != want || next != "" {
				t.Errorf("%s: got %v, next %q; want %s", query, got, next, want)
			}
		}
		for _, query := range []string{"", "country=US", "country=US&phone-number-type=Local", "city=Seattle", "area-code=%20", "country=GB",
			"country=GB&phone-number-type=Local&area-code=20", "country=GB&phone-number-type=Local&toll-free-prefix=800", "country=PR",
			"country=gb&phone-number-type=Local", "area-code=206&max-results=0", "area-code=206&max-results=501", "toll-free-prefix=801",
			"area-code=206&phone-number-type=Mobile", "area-code=206&next-token=AAAA"} {
			h.refused(api.BadRequestException, "SearchAvailablePhoneNumbers", "", query, "")
		}

		// Pages of any size go on where the one before has ended, in the same search only.
		page, next := h.found("state=WA&max-results=1")
		equal(t, "the first page", page, []string{ana})
		page, last := h.found("state=WA&next-token=" + url.QueryEscape(next))
		equal(t, "the second page", page, []string{bo})
		equal(t, "the token of the last page", last, "")
		h.refused(api.BadRequestException, "SearchAvailablePhoneNumbers", "", "area-code=206&next-token="+url.QueryEscape(next), "")
		h.as(foreignAccount).refused(api.BadRequestException, "SearchAvailablePhoneNumbers", "", "state=WA&next-token="+url.QueryEscape(next), "")

		// What is ordered is found no more, by nobody.
		h.order("VoiceConnector", ana)
		page, _ = h.as(foreignAccount).found("area-code=206")
		equal(t, "after an order", page, []string{bo})
	})
}

func TestCreatePhoneNumberOrder(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fillPool(ana, bo, cy, free, uk, "+448005550001")
		many := make([]string, 51)
		for i := range many {
			many[i] = fmt.Sprintf("+1206556%04d", i)
		}
		for _, body := range []string{
			`{}`, `{"ProductType":"BusinessCalling"}`, `{"E164PhoneNumbers":["+12065550100"]}`,
			orderOf("BusinessCalling"), orderOf("VoiceConnector", many...), orderOf("Fax", ana),
			orderOf("BusinessCalling", ana, ana), orderOf("BusinessCalling", ana, ana[1:]), orderOf("BusinessCalling", "0206"),
			orderOf("BusinessCalling", free), orderOf("BusinessCalling", "+18665550199"), // toll-free, in the pool or not
			orderOf("BusinessCalling", ana, uk), orderOf("VoiceConnector", uk), orderOf("BusinessCalling", "+14165550100"),
			orderOf("VoiceConnector", "+442079469999"), orderOf("SipMediaApplicationDialIn", "+17875550105"),
			orderOf("SipMediaApplicationDialIn", "+18095550100"),
		} {
			h.refused(api.BadRequestException, "CreatePhoneNumberOrder", "", "", body)
		}
		equal(t, "records of what was refused", len(slices.DeleteFunc(h.audit(), func(r store.AuditRecord) bool { return r.Operation != "CreatePhoneNumberOrder" })), 0)

		out := h.must("CreatePhoneNumberOrder", "", "", orderOf("VoiceConnector", bo, ana[1:], "+12065559999"))
		if !strings.HasSuffix(out, `,"ProductType":"VoiceConnector","Status":"Processing","OrderedPhoneNumbers":[`+
			`{"E164PhoneNumber":"+12065550101","Status":"Processing"},{"E164PhoneNumber":"+12065550100","Status":"Processing"},`+
			`{"E164PhoneNumber":"+12065559999","Status":"Processing"}],"CreatedTimestamp":"2026-03-01T12:00:00.123Z",`+
			`"UpdatedTimestamp":"2026-03-01T12:00:00.123Z"}}`) {
			t.Errorf("the order: got %s", out)
		}
		var made struct {
			PhoneNumberOrder struct{ PhoneNumberOrderId string }
		}
		parse(t, out, &made)
		first := made.PhoneNumberOrder.PhoneNumberOrderId
		second := h.order("VoiceConnector", ana, cy) // one is kept for the first
		h.numberIs(ana, "AcquireInProgress")
		h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId=+12065559999", "", "")
		h.refused(api.BadRequestException, "DeletePhoneNumber", "phoneNumberId="+ana, "", "")
		h.refused(api.ConflictException, "UpdatePhoneNumber", "phoneNumberId="+ana, "", `{"CallingName":"Ana"}`)
		foreign := h.as(foreignAccount)
		third := foreign.order("VoiceConnector", cy)

		h.moved.Add(int64(time.Second))
		records := len(h.audit())
		h.advance(0)
		h.orderIs(first, "Partial "+bo+"=Acquired "+ana+"=Acquired +12065559999=Failed")
		h.orderIs(second, "Partial "+ana+"=Failed "+cy+"=Acquired")
		foreign.orderIs(third, "Failed "+cy+"=Failed")
		foreign.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId="+cy, "", "")
		h.numberIs(ana, "Unassigned")
		equal(t, "records of filling two orders", len(h.audit())-records, 3+2)
		for _, r := range h.audit()[records:] {
			if r.KeyName != "system" || r.Operation != "FillOrder" {
				t.Errorf("an order was filled by %s, as %s", r.KeyName, r.Operation)
			}
		}
		got := h.number(ana)
		equal(t, "its times", got.CreatedTimestamp+" "+got.UpdatedTimestamp, "2026-03-01T12:00:00.123Z 2026-03-01T12:00:01.123Z")
		equal(t, "what it is", got.PhoneNumberId+" "+got.Country+" "+got.Type+" "+got.ProductType+" "+got.CallingNameStatus, "%2B12065550100 US Local VoiceConnector Unassigned")
		equal(t, "capabilities", got.Capabilities, map[string]bool{"InboundCall": true, "OutboundCall": true, "InboundSMS": true,
			"OutboundSMS": true, "InboundMMS": true, "OutboundMMS": true})

		// Orders are those of the AWS account, the newest first.
		h.refused(api.BadRequestException, "GetPhoneNumberOrder", "phoneNumberOrderId=first", "", "")
		h.refused(api.NotFoundException, "GetPhoneNumberOrder", "phoneNumberOrderId="+third, "", "")
		var ids []string
		for token, more := "", true; more; {
			var page struct {
				PhoneNumberOrders []struct{ PhoneNumberOrderId string }
				NextToken         string
			}
			parse(t, h.must("ListPhoneNumberOrders", "", "max-results=1&next-token="+url.QueryEscape(token), ""), &page)
			for _, o := range page.PhoneNumberOrders {
				ids = append(ids, o.PhoneNumberOrderId)
			}
			token, more = page.NextToken, page.NextToken != ""
		}
		equal(t, "orders", ids, []string{second, first})
		h.refused(api.BadRequestException, "ListPhoneNumberOrders", "", "max-results=100", "")
		equal(t, "orders of nobody", h.as("999900001111").must("ListPhoneNumberOrders", "", "", ""), `{"PhoneNumberOrders":[]}`)
	})
}

// Orders of two AWS accounts for one number at the same time: one of them gets it.
func TestCreatePhoneNumberOrder_Race(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fillPool(ana)
		callers := []*house{h, h.as(foreignAccount), h.as("999900001111")}
		var wg sync.WaitGroup
		for _, c := range callers {
			wg.Go(func() {
				for range 3 {
					if _, err := c.call("CreatePhoneNumberOrder", "", "", orderOf("BusinessCalling", ana)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		h.advance(0)
		owners := 0
		for _, c := range callers {
			numbers, _ := c.numberList("")
			owners += len(numbers)
		}
		equal(t, "owners", owners, 1)
	})
}

// An order takes as long as it is set to, and a mark of the operator lets it fail once.
func TestPhoneNumberOrders_DelayAndFailure(t *testing.T) {
	h := houseAt(t, open(t, t.TempDir()), now, func(o *directory.Options) { o.Numbers.OrderDelay = time.Hour })
	op := h.operator()
	fail := func(what string) {
		t.Helper()
		if _, err := op.FailNumber(context.Background(), what); err != nil {
			t.Errorf("FailNumber %s: %v", what, err)
		}
	}
	refused := func(want api.Exception, what string) {
		t.Helper()
		if _, err := op.FailNumber(context.Background(), what); exception(err) != want {
			t.Errorf("FailNumber %s: got error %v, want %s", what, err, want)
		}
	}
	h.fillPool(ana, bo, cy)
	fail(ana)
	fail(ana)
	first := h.order("BusinessCalling", ana, bo)
	fail(bo) // while it is under way
	second := h.order("BusinessCalling", cy)
	h.advance(time.Hour - time.Millisecond)
	h.numberIs(bo, "AcquireInProgress")
	fail(second)
	h.orderIs(second, "Failed "+cy+"=Failed")
	refused(api.ConflictException, second)
	h.advance(time.Millisecond)
	h.orderIs(first, "Failed "+ana+"=Failed "+bo+"=Failed")
	h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId="+ana, "", "")
	third := h.order("BusinessCalling", ana, bo, cy)
	h.advance(time.Hour)
	h.orderIs(third, "Successful "+ana+"=Acquired "+bo+"=Acquired "+cy+"=Acquired")
	refused(api.ConflictException, ana)
	refused(api.NotFoundException, "+12065559999")
	refused(api.NotFoundException, "0190a0a0-0000-7000-8000-000000000000")
	if err := h.service.RunDue(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPhoneNumberQuota(t *testing.T) {
	h := houseAt(t, open(t, t.TempDir()), now, func(o *directory.Options) { o.Numbers.Quota = 2 })
	h.fillPool(ana, bo, cy)
	h.refused(api.ResourceLimitExceededException, "CreatePhoneNumberOrder", "", "", orderOf("BusinessCalling", ana, bo, cy))
	h.order("BusinessCalling", ana, "+12065559999", "+12065559998") // of which one can be had
	h.refused(api.ResourceLimitExceededException, "CreatePhoneNumberOrder", "", "", orderOf("BusinessCalling", bo, cy))
	h.order("BusinessCalling", bo)
	h.advance(0)
	h.must("DeletePhoneNumber", "phoneNumberId="+ana, "", "")
	h.order("BusinessCalling", cy)
	h.advance(0)
	h.refused(api.ResourceLimitExceededException, "RestorePhoneNumber", "phoneNumberId="+ana, "", "")
	h.numberIs(ana, "DeleteInProgress")
	h.must("DeletePhoneNumber", "phoneNumberId="+bo, "", "")
	h.must("RestorePhoneNumber", "phoneNumberId="+ana, "", "")
	h.as(foreignAccount).fillPool("+12065550110")
	h.as(foreignAccount).order("BusinessCalling", "+12065550110")
}

func TestPhoneNumberRestrictions(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"))
		h.own("BusinessCalling", ana)
		h.fillPool(bo, uk)
		op := h.operator()
		set := func(fn func(context.Context, string, api.PhoneNumberProductType, string) error, want api.Exception, product api.PhoneNumberProductType, country string) {
			t.Helper()
			if err := fn(t.Context(), awsAccount, product, country); exception(err) != want || (err == nil) != (want == "") {
				t.Errorf("restriction of %q %q: got error %v, want %q", product, country, err, want)
			}
		}
		calls := []struct{ operation, labels, query, body string }{
			{"ListSupportedPhoneNumberCountries", "", "product-type=BusinessCalling", ""},
			{"SearchAvailablePhoneNumbers", "", "area-code=206", ""},
			{"CreatePhoneNumberOrder", "", "", orderOf("BusinessCalling", "+12065559999")},
			{"AssociatePhoneNumberWithUser", "accountId=A&userId=u1", "", fmt.Sprintf(`{"E164PhoneNumber":%q}`, ana)},
			{"SearchAvailablePhoneNumbers", "", "country=GB&phone-number-type=Local", ""},
			{"CreatePhoneNumberOrder", "", "", orderOf("SipMediaApplicationDialIn", "+442079469999")},
		}
		denied := func(want string) {
			t.Helper()
			got := ""
			for _, c := range calls {
				_, err := h.call(c.operation, c.labels, c.query, c.body)
				switch exception(err) {
				case api.AccessDeniedException:
					got += "x"
				case "":
					got += "-"
				default:
					t.Errorf("%s: %v", c.operation, err)
				}
				if c.operation == "AssociatePhoneNumberWithUser" && err == nil {
					h.must("DisassociatePhoneNumberFromUser", c.labels, "", "")
				}
			}
			equal(t, "denied", got, want)
		}
		denied("------")
		set(op.RestrictNumbers, "", "", "")
		set(op.RestrictNumbers, "", "", "")
		denied("xxxxxx")
		_, err := h.as(foreignAccount).call("SearchAvailablePhoneNumbers", "", "area-code=206", "")
		equal(t, "a search by another", exception(err), api.Exception(""))
		set(op.UnrestrictNumbers, "", "", "")
		set(op.UnrestrictNumbers, api.NotFoundException, "", "")
		set(op.RestrictNumbers, "", "BusinessCalling", "")
		denied("x-xx--")
		set(op.RestrictNumbers, "", "", "GB")
		denied("x-xxxx")
		set(op.UnrestrictNumbers, "", "BusinessCalling", "")
		denied("----xx")
		set(op.RestrictNumbers, "", "BusinessCalling", "US")
		denied("--xxxx")
		equal(t, "countries", h.must("ListSupportedPhoneNumberCountries", "", "product-type=BusinessCalling", ""),
			`{"PhoneNumberCountries":[{"CountryCode":"PR","SupportedPhoneNumberTypes":["Local"]}]}`)
		set(op.RestrictNumbers, api.BadRequestException, "Fax", "")
		set(op.RestrictNumbers, api.BadRequestException, "", "us")
	})
}

func TestUpdatePhoneNumber(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"))
		h.own("BusinessCalling", ana, bo)
		h.own("VoiceConnector", free)
		h.own("SipMediaApplicationDialIn", uk)
		update := func(id, body string) string { return h.must("UpdatePhoneNumber", "phoneNumberId="+id, "", body) }
		refuse := func(want api.Exception, id, body string) {
			t.Helper()
			h.refused(want, "UpdatePhoneNumber", "phoneNumberId="+id, "", body)
		}
		records := len(h.audit())
		for _, id := range []string{ana, ana[1:], "%2B" + ana[1:], "%2b" + ana[1:]} {
			for _, body := range []string{``, `{}`, `{"ProductType":"BusinessCalling"}`, `{"CallingName":""}`} {
				update(id, body)
			}
		}
		equal(t, "records", len(h.audit())-records, 0)
		refuse(api.BadRequestException, ana, `{"ProductType":"VoiceConnector","CallingName":"Ana"}`)
		refuse(api.BadRequestException, ana, `{"CallingName":"A"}`)
		refuse(api.BadRequestException, ana, `{"CallingName":"Ana & Bo"}`)
		refuse(api.BadRequestException, ana, `{"ProductType":"Fax"}`)
		refuse(api.BadRequestException, free, `{"ProductType":"BusinessCalling"}`)
		refuse(api.BadRequestException, uk, `{"ProductType":"VoiceConnector"}`)
		refuse(api.NotFoundException, cy, `{}`)
		h.as(foreignAccount).refused(api.NotFoundException, "UpdatePhoneNumber", "phoneNumberId="+ana, "", `{}`)

		h.moved.Add(int64(time.Minute))
		records = len(h.audit())
		if out := update(ana, `{"ProductType":"VoiceConnector"}`); !strings.Contains(out, `"ProductType":"VoiceConnector"`) ||
			!strings.Contains(out, `"UpdatedTimestamp":"2026-03-01T12:01:00.123Z"`) {
			t.Errorf("UpdatePhoneNumber: got %s", out)
		}
		update(ana, `{"ProductType":"BusinessCalling"}`)
		equal(t, "audit", h.audited(records), []string{
			`UpdatePhoneNumber +12065550100 {"PhoneNumberId": "+12065550100", "ProductType": "BusinessCalling"} {"PhoneNumberId": "+12065550100", "ProductType": "VoiceConnector"}`,
			`UpdatePhoneNumber +12065550100 {"PhoneNumberId": "+12065550100", "ProductType": "VoiceConnector"} {"PhoneNumberId": "+12065550100", "ProductType": "BusinessCalling"}`,
		})

		// A calling name takes effect by itself.
		update(ana, `{"CallingName":"Ana"}`)
		h.numberIs(ana, `Unassigned "Ana" UpdateInProgress`)
		update(ana, `{"CallingName":"Ana"}`)
		refuse(api.ConflictException, ana, `{"CallingName":"Anna"}`)
		refuse(api.ConflictException, ana, `{"CallingName":""}`)
		update(ana, `{"ProductType":"VoiceConnector"}`)
		update(ana, `{"ProductType":"BusinessCalling"}`)
		h.advance(0)
		h.numberIs(ana, `Unassigned "Ana" UpdateSucceeded`)
		update(ana, `{"CallingName":""}`)
		h.numberIs(ana, `Unassigned "" UpdateInProgress`)
		h.advance(0)
		h.numberIs(ana, `Unassigned`)

		h.give("A", "u1", ana)
		refuse(api.ConflictException, ana, `{"ProductType":"VoiceConnector"}`)
		update(ana, `{"ProductType":"BusinessCalling"}`)
		update(ana, `{"CallingName":"Ana"}`)
		h.must("DeletePhoneNumber", "phoneNumberId="+bo, "", "")
		refuse(api.ConflictException, bo, `{"ProductType":"VoiceConnector"}`)
		refuse(api.ConflictException, bo, `{"CallingName":"Bo"}`)
		update(bo, `{"ProductType":"BusinessCalling"}`)
	})
}

func TestBatchUpdatePhoneNumber(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"))
		h.own("BusinessCalling", ana, bo, cy)
		h.own("VoiceConnector", free)
		h.give("A", "u1", cy)
		batch := func(items string) []string {
			t.Helper()
			return h.numberErrors(h.must("BatchUpdatePhoneNumber", "", "", `{"UpdatePhoneNumberRequestItems":[`+items+`]}`))
		}
		equal(t, "no items", batch(""), []string{})
		equal(t, "errors", batch(`{"PhoneNumberId":"%2B12065550100","CallingName":"Ana"},
			{"PhoneNumberId":"12065550100","CallingName":"Anna"},
			{"PhoneNumberId":"%2B12065550101","ProductType":"VoiceConnector"},
			{"PhoneNumberId":"+12065550101","CallingName":"Bo","ProductType":"VoiceConnector"},
			{"PhoneNumberId":"+12065559999"}, {"PhoneNumberId":"x"},
			{"PhoneNumberId":"%2b14255550102","ProductType":"VoiceConnector"},
			{"PhoneNumberId":"+18005550103","ProductType":"BusinessCalling"},
			{"PhoneNumberId":"+18005550103","CallingName":"Free"}`),
			[]string{"12065550100 Conflict", "+12065550101 BadRequest", "+12065559999 NotFound", "x NotFound", "%2b14255550102 Conflict", "+18005550103 BadRequest"})
		h.numberIs(ana, `Unassigned "Ana" UpdateInProgress`)
		equal(t, "product of bo", h.number(bo).ProductType, "VoiceConnector")
		h.numberIs(free, `Unassigned "Free" UpdateInProgress`)
		for _, items := range []string{
			`null`, `{}`, `{"PhoneNumberId":"+12065550101","ProductType":"Fax"}`, `{"PhoneNumberId":"+12065550101","CallingName":"x"}`,
			strings.Repeat(`{"PhoneNumberId":"+12065550101"},`, 50) + `{"PhoneNumberId":"+12065550101"}`,
		} {
			h.refused(api.BadRequestException, "BatchUpdatePhoneNumber", "", "", `{"UpdatePhoneNumberRequestItems":[`+items+`]}`)
		}
		h.refused(api.BadRequestException, "BatchUpdatePhoneNumber", "", "", `{}`)
		equal(t, "fifty", batch(strings.Repeat(`{"PhoneNumberId":"+12065550101"},`, 49)+`{"PhoneNumberId":"+12065550101"}`), []string{})
	})
}

func TestDeletePhoneNumber(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"))
		h.own("BusinessCalling", ana, bo, cy)
		h.must("UpdatePhoneNumber", "phoneNumberId="+ana, "", `{"CallingName":"Ana"}`)
		h.advance(0)
		h.give("A", "u1", cy)
		del := func(id string) { h.must("DeletePhoneNumber", "phoneNumberId="+id, "", "") }
		h.refused(api.BadRequestException, "DeletePhoneNumber", "phoneNumberId="+cy, "", "")
		h.refused(api.NotFoundException, "DeletePhoneNumber", "phoneNumberId=+12065559999", "", "")
		h.refused(api.BadRequestException, "RestorePhoneNumber", "phoneNumberId="+ana, "", "")
		del("%2B" + ana[1:])
		const day = 24 * time.Hour
		h.advance(day)
		records := len(h.audit())
		del(ana) // again
		equal(t, "records of a second deletion", len(h.audit())-records, 0)
		h.numberIs(ana, `DeleteInProgress "Ana" UpdateSucceeded`)
		equal(t, "DeletionTimestamp", h.number(ana).DeletionTimestamp, "2026-03-01T12:00:00.123Z")
		all, _ := h.numberList("")
		equal(t, "the list", all, []string{ana, bo, cy})

		// Restored, it is as before, and stays.
		out := h.must("RestorePhoneNumber", "phoneNumberId="+ana[1:], "", "")
		if strings.Contains(out, "DeletionTimestamp") || !strings.Contains(out, `"Status":"Unassigned"`) {
			t.Errorf("RestorePhoneNumber: got %s", out)
		}
		h.advance(30 * day)
		h.numberIs(ana, `Unassigned "Ana" UpdateSucceeded`)
		h.refused(api.BadRequestException, "RestorePhoneNumber", "phoneNumberId="+ana, "", "")
		h.refused(api.NotFoundException, "RestorePhoneNumber", "phoneNumberId=+12065559999", "", "")

		// After seven days it is gone, and can be ordered, without what it had.
		del(ana)
		h.advance(7*day - time.Millisecond)
		h.numberIs(ana, `DeleteInProgress "Ana" UpdateSucceeded`)
		records = len(h.audit())
		h.advance(time.Millisecond)
		h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId="+ana, "", "")
		h.refused(api.NotFoundException, "RestorePhoneNumber", "phoneNumberId="+ana, "", "")
		h.refused(api.NotFoundException, "DeletePhoneNumber", "phoneNumberId="+ana, "", "")
		released := h.audit()[records:]
		if len(released) != 2 || released[1].KeyName != "system" || released[1].Operation != "ReleasePhoneNumber" || released[1].After != "" {
			t.Errorf("audit of a release: got %+v", released)
		}
		h.as(foreignAccount).order("VoiceConnector", ana)
		h.advance(0)
		h.as(foreignAccount).numberIs(ana, "Unassigned")

		// The operator says that the carrier does not take it back. It can be deleted or
		// restored again.
		fail := func(number string) {
			t.Helper()
			if _, err := h.operator().FailNumber(t.Context(), number); err != nil {
				t.Errorf("FailNumber: %v", err)
			}
		}
		del(bo)
		h.advance(day)
		fail(bo)
		h.numberIs(bo, "DeleteFailed")
		h.advance(30 * day)
		h.numberIs(bo, "DeleteFailed")
		del(bo)
		h.numberIs(bo, "DeleteInProgress")
		fail(bo)
		h.must("RestorePhoneNumber", "phoneNumberId="+bo, "", "")
		h.numberIs(bo, "Unassigned")
		del(bo)
		h.advance(8 * day)
		h.refused(api.NotFoundException, "GetPhoneNumber", "phoneNumberId="+bo, "", "")
	})
}

func TestBatchDeletePhoneNumber(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"))
		h.own("BusinessCalling", ana, bo)
		h.give("A", "u1", bo)
		h.fillPool(cy)
		h.order("BusinessCalling", cy) // under way
		out := h.must("BatchDeletePhoneNumber", "", "", `{"PhoneNumberIds":["%2B12065550100","12065550101","+12065550100","+14255550102","x",""]}`)
		equal(t, "errors", h.numberErrors(out), []string{"12065550101 PhoneNumberAssociationsExist", "+14255550102 BadRequest", "x NotFound", " NotFound"})
		h.numberIs(ana, "DeleteInProgress")
		h.numberIs(bo, "Assigned AccountId=A UserId=u1")
		h.refused(api.BadRequestException, "BatchDeletePhoneNumber", "", "", `{"PhoneNumberIds":[]}`)
		h.refused(api.BadRequestException, "BatchDeletePhoneNumber", "", "", `{"PhoneNumberIds":`+quoted(slices.Repeat([]string{"x"}, 51))+`}`)
		h.refused(api.BadRequestException, "BatchDeletePhoneNumber", "", "", `{}`)
	})
}

func TestListPhoneNumbers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addUsers(registered("A", "u1"), registered("A", "u2"))
		h.own("BusinessCalling", ana, bo)
		h.own("VoiceConnector", cy)
		h.give("A", "u1", bo)
		for query, want := range map[string]string{
			"":                            ana + " " + bo + " " + cy,
			"status=Assigned":             bo,
			"product-type=VoiceConnector": cy,
			"status=Unassigned&product-type=VoiceConnector":        cy,
			"status=ReleaseFailed":                                 "",
			"filter-name=AccountId&filter-value=A":                 bo,
			"filter-name=UserId&filter-value=u1":                   bo,
			"filter-name=UserId&filter-value=u2":                   "",
			"filter-name=UserId&filter-value=u1&status=Unassigned": "",
			"filter-name=UserId&filter-value=":                     "",
			"filter-name=VoiceConnectorId&filter-value=A":          "",
		} {
			got, next := h.numberList(query)
			if strings.Join(got, " ") != want || next != "" {
				t.Errorf("%s: got %v, next %q; want %s", query, got, next, want)
			}
		}
		for _, query := range []string{"filter-name=UserId", "filter-value=u1", "filter-name=RoomId&filter-value=x", "status=Fine", "max-results=100", "max-results=0"} {
			h.refused(api.BadRequestException, "ListPhoneNumbers", "", query, "")
		}
		page, next := h.numberList("max-results=2")
		equal(t, "the first page", page, []string{ana, bo})
		page, last := h.numberList("next-token=" + url.QueryEscape(next))
		equal(t, "the second page", fmt.Sprint(page, last), fmt.Sprint([]string{cy}, ""))
		h.refused(api.BadRequestException, "ListPhoneNumbers", "", "status=Assigned&next-token="+url.QueryEscape(next), "")
		h.as(foreignAccount).refused(api.BadRequestException, "ListPhoneNumbers", "", "next-token="+url.QueryEscape(next), "")
		got, _ := h.as(foreignAccount).numberList("")
		equal(t, "numbers of another", got, []string{})
	})
}

func TestAssociatePhoneNumberWithUser(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.addUsers(registered("A", "u1"), registered("A", "u2"), registered("A", "box", device), registered("A", "inv", invited), registered("A", "sus", suspended))
		h.own("BusinessCalling", ana, bo, cy)
		h.own("VoiceConnector", free)
		refuse := func(want api.Exception, user, number string) {
			t.Helper()
			h.refused(want, "AssociatePhoneNumberWithUser", "accountId=A&userId="+user, "", fmt.Sprintf(`{"E164PhoneNumber":%q}`, number))
		}
		h.must("UpdateUserSettings", "accountId=A&userId=u1", "", `{"UserSettings":{"Telephony":{"InboundCalling":true,"OutboundCalling":true,"SMS":true}}}`)
		equal(t, "before", h.numberOf("A", "u1"), "allowed allowed allowed")
		records := len(h.audit())
		h.give("A", "u1", ana[1:])
		h.give("A", "u1", "+"+ana[1:]) // again
		equal(t, "records", len(h.audit())-records, 2)
		equal(t, "number of u1", h.numberOf("A", "u1"), ana)
		h.numberIs(ana, "Assigned AccountId=A UserId=u1")
		equal(t, "when", h.number(ana).Associations[1].AssociatedTimestamp, "2026-03-01T12:00:00.123Z")
		h.give("A", "box", cy)

		refuse(api.BadRequestException, "u2", ana)  // somebody has it
		refuse(api.BadRequestException, "u1", bo)   // has another
		refuse(api.BadRequestException, "u2", free) // another product
		refuse(api.BadRequestException, "inv", bo)
		refuse(api.BadRequestException, "sus", bo)
		refuse(api.NotFoundException, "u2", "+12065559999")
		refuse(api.NotFoundException, "nobody", bo)
		refuse(api.BadRequestException, "u2", "bo")
		h.refused(api.NotFoundException, "AssociatePhoneNumberWithUser", "accountId=B&userId=u2", "", `{"E164PhoneNumber":"+12065550101"}`)
		h.must("DeletePhoneNumber", "phoneNumberId="+bo, "", "")
		refuse(api.BadRequestException, "u2", bo)

		// A suspended user keeps the number, and the pair is known before any rule about
		// state.
		h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["u1"]}`)
		h.give("A", "u1", ana)
		equal(t, "number of a suspended user", h.numberOf("A", "u1"), ana)
		h.must("DisassociatePhoneNumberFromUser", "accountId=A&userId=u1", "", "")
		h.numberIs(ana, "Unassigned")
		equal(t, "number of u1", h.numberOf("A", "u1"), "")
		h.must("DisassociatePhoneNumberFromUser", "accountId=A&userId=u1", "", "")
		h.refused(api.NotFoundException, "DisassociatePhoneNumberFromUser", "accountId=A&userId=nobody", "", "")
		h.give("A", "u2", ana)
		h.must("UpdateUserSettings", "accountId=A&userId=u2", "", `{"UserSettings":{"Telephony":{"InboundCalling":true,"OutboundCalling":false,"SMS":false}}}`)
		equal(t, "with permission", h.numberOf("A", "u2"), ana+" allowed")
		h.must("DisassociatePhoneNumberFromUser", "accountId=A&userId=u2", "", "")
		equal(t, "without a number", h.numberOf("A", "u2"), "")

		if _, err := h.operator().SuspendAccount(t.Context(), "A"); err != nil {
			t.Fatal(err)
		}
		refuse(api.ForbiddenException, "u2", ana)
		h.refused(api.ForbiddenException, "DisassociatePhoneNumberFromUser", "accountId=A&userId=box", "", "")
	})
}

// Whoever leaves an account gives the number back.
func TestPhoneNumbersOfThoseWhoLeave(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addAccount("B", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
		h.addUsers(registered("A", "u1"), registered("A", "u2"))
		h.own("BusinessCalling", ana, bo)
		h.give("A", "u1", ana)
		h.give("A", "u2", bo)
		records := len(h.audit())
		h.must("BatchSuspendUser", "accountId=A", "", `{"UserIdList":["u1"]}`)
		h.numberIs(ana, "Unassigned")
		equal(t, "records of a removal", len(h.audit())-records, 2)

		foreign := h.as(foreignAccount)
		foreign.must("InviteUsers", "accountId=B", "", `{"UserEmailList":["u2@a.example"]}`)
		moved, err := h.operator().RegisterUser(t.Context(), "B", "u2@a.example")
		if err != nil {
			t.Fatal(err)
		}
		h.numberIs(bo, "Unassigned")
		equal(t, "number of one who moved", foreign.numberOf("B", moved.UserId), "")
		h.must("DeleteAccount", "accountId=A", "", "")
		h.numberIs(bo, "Unassigned")
	})
}

func TestPhoneNumberSettings(t *testing.T) {
	weekly := func(o *directory.Options) { o.Numbers.CallingNameInterval = directory.CallingNameInterval }
	onEngines(t, func(t *testing.T, h *house) {
		h = houseAt(t, h.store, now, weekly)
		put := func(name string) {
			h.must("UpdatePhoneNumberSettings", "", "", fmt.Sprintf(`{"CallingName":%q}`, name))
		}
		settings := func(want string) {
			t.Helper()
			equal(t, "settings", h.must("GetPhoneNumberSettings", "", "", ""), want)
		}
		settings(`{}`)
		put("")
		settings(`{}`)
		h.refused(api.BadRequestException, "UpdatePhoneNumberSettings", "", "", `{}`)
		h.refused(api.BadRequestException, "UpdatePhoneNumberSettings", "", "", `{"CallingName":"a name too long for it"}`)
		put("Example")
		settings(`{"CallingName":"Example","CallingNameUpdatedTimestamp":"2026-03-01T12:00:00.123Z"}`)
		h.advance(7*24*time.Hour - time.Millisecond)
		put("Example")
		h.refused(api.BadRequestException, "UpdatePhoneNumberSettings", "", "", `{"CallingName":"Other"}`)
		h.refused(api.BadRequestException, "UpdatePhoneNumberSettings", "", "", `{"CallingName":""}`)
		h.as(foreignAccount).must("UpdatePhoneNumberSettings", "", "", `{"CallingName":"Foreign"}`)
		h.advance(time.Millisecond)
		put("")
		settings(`{"CallingNameUpdatedTimestamp":"2026-03-08T12:00:00.123Z"}`)
		equal(t, "audit", h.audited(0), []string{
			`UpdatePhoneNumberSettings 111122223333 {"CallingName": "", "CallingNameUpdatedTimestamp": ""} {"CallingName": "Example", "CallingNameUpdatedTimestamp": "2026-03-01T12:00:00.123Z"}`,
			`UpdatePhoneNumberSettings 111122223333 {"CallingName": "Example", "CallingNameUpdatedTimestamp": "2026-03-01T12:00:00.123Z"} {"CallingName": "", "CallingNameUpdatedTimestamp": "2026-03-08T12:00:00.123Z"}`,
		})
	})
	h := houseAt(t, open(t, t.TempDir()), now, func(o *directory.Options) { o.Numbers.CallingNameDelay = time.Hour })
	for _, name := range []string{"One", "Two", "Three"} {
		h.must("UpdatePhoneNumberSettings", "", "", fmt.Sprintf(`{"CallingName":%q}`, name))
	}
	h.own("BusinessCalling", ana)
	h.must("UpdatePhoneNumber", "phoneNumberId="+ana, "", `{"CallingName":"Ana"}`)
	h.advance(time.Hour - time.Millisecond)
	h.numberIs(ana, `Unassigned "Ana" UpdateInProgress`)
	h.advance(time.Millisecond)
	h.numberIs(ana, `Unassigned "Ana" UpdateSucceeded`)
}
