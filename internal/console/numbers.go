package console

import (
	"slices"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

// listShown is how many numbers, orders, rooms, members or bots a page lists.
const listShown = 50

// numbersPage is a page of the phone numbers of the AWS account.
type numbersPage struct {
	Numbers                  []aNumber
	Next                     string // the token of the page that follows, empty at the end
	Status, Product, Account string // what the list is narrowed to
	Statuses, Products       []string
	Command                  string
	Problem                  string
}

// aNumber is a phone number, and who has it.
type aNumber struct {
	*document.Object
	AccountID, UserID string // empty if no user has it
	Deleted           bool   // it can be restored, until it is released
	Released          bool   // it is about to be gone
}

func numberOf(o *document.Object) aNumber {
	n := aNumber{Object: o, Deleted: o.Text("DeletionTimestamp") != "", Released: o.Text("Status") == string(api.PhoneNumberStatusReleaseInProgress)}
	for _, a := range objects(o, "Associations") {
		switch a.Text("Name") {
		case "AccountId":
			n.AccountID = a.Text("Value")
		case "UserId":
			n.UserID = a.Text("Value")
		}
	}
	return n
}

func (c *Console) numbers(v *visit) error {
	takes := v.Service.Operation("ListPhoneNumbers").Input
	p := numbersPage{Status: v.r.FormValue("status"), Product: v.r.FormValue("product"), Account: v.r.FormValue("account"),
		Statuses: takes.Member("Status").Shape.Enum, Products: takes.Member("ProductType").Shape.Enum}
	in := input("Status", p.Status, "ProductType", p.Product, "MaxResults", document.Int(listShown))
	if p.Account != "" {
		in.Set("FilterName", "AccountId")
		in.Set("FilterValue", p.Account)
	}
	p.Command = v.awsCommand("ListPhoneNumbers", in)
	if token := v.r.FormValue("next"); token != "" {
		in.Set("NextToken", token)
	}
	out, err := v.call("ListPhoneNumbers", in)
	if problem, ok := corrigible(err); ok {
		p.Problem = problem
		return v.showAgain("numbers", p)
	}
	if err != nil {
		return err
	}
	for _, o := range objects(out, "PhoneNumbers") {
		p.Numbers = append(p.Numbers, numberOf(o))
	}
	p.Next = out.Text("NextToken")
	return v.show("numbers", p)
}

// numberPage is a phone number, with what can be changed of it.
type numberPage struct {
	Number      aNumber
	Products    []string
	CallingName string // as it is, or as somebody has typed it
	Product     string
	Can         []string // what calls and messages it can have
	Command     string
	Problem     string
}

func (c *Console) number(v *visit) error {
	p, err := v.numberPage()
	if err != nil {
		return err
	}
	return v.show("number", p)
}

func (v *visit) numberPage() (*numberPage, error) {
	in := input("PhoneNumberId", v.r.PathValue("number"))
	out, err := v.call("GetPhoneNumber", in)
	if err != nil {
		return nil, err
	}
	o := object(out, "PhoneNumber")
	p := &numberPage{Number: numberOf(o), Products: v.Service.Operation("UpdatePhoneNumber").Input.Member("ProductType").Shape.Enum,
		CallingName: o.Text("CallingName"), Product: o.Text("ProductType"), Command: v.awsCommand("GetPhoneNumber", in)}
	for _, m := range object(o, "Capabilities").Members() {
		if m.Value == true {
			p.Can = append(p.Can, m.Key)
		}
	}
	return p, nil
}

// changeNumber changes the calling name of a number, or what it is for: whichever was sent.
func (c *Console) changeNumber(v *visit) (*change, error) {
	ch, err := v.numberChange("UpdatePhoneNumber", "number.change", "done.number-changed")
	if err != nil {
		return nil, err
	}
	for name, title := range map[string]string{"ProductType": "number.product", "CallingName": "number.name"} {
		if v.r.Form.Has(name) {
			ch.input.Set(name, v.r.FormValue(name))
			ch.Title = say(title)
		}
	}
	return ch, nil
}

func (c *Console) deleteNumber(v *visit) (*change, error) {
	ch, err := v.numberChange("DeletePhoneNumber", "number.delete", "done.number-deleted")
	if err != nil {
		return nil, err
	}
	ch.Will = say("number.delete.hint")
	return ch, nil
}

func (c *Console) restoreNumber(v *visit) (*change, error) {
	return v.numberChange("RestorePhoneNumber", "number.restore", "done.number-restored")
}

// numberChange returns a change of the number that the path names.
func (v *visit) numberChange(operation, title, said string) (*change, error) {
	id := v.r.PathValue("number")
	out, err := v.call("GetPhoneNumber", input("PhoneNumberId", id))
	if err != nil {
		return nil, err
	}
	about := object(out, "PhoneNumber").Text("E164PhoneNumber")
	ch := &change{Operation: operation, Title: say(title), About: about, input: input("PhoneNumberId", id), page: local("/numbers/%s", id), said: said}
	ch.again = func(problem string) error {
		p, err := v.numberPage()
		if err != nil {
			return err
		}
		p.Problem = problem
		if typed, ok := ch.input.Get("CallingName"); ok {
			p.CallingName, _ = typed.(string)
		}
		if chosen := ch.input.Text("ProductType"); slices.Contains(p.Products, chosen) {
			p.Product = chosen
		}
		return v.showAgain("number", p)
	}
	return ch, nil
}

// ordersPage is a page of the orders of phone numbers.
type ordersPage struct {
	Orders []order
	Next   string
}

type order struct {
	*document.Object
	Numbers []*document.Object
}

func (c *Console) numberOrders(v *visit) error {
	out, err := v.call("ListPhoneNumberOrders", input("MaxResults", document.Int(listShown), "NextToken", v.r.FormValue("next")))
	if err != nil {
		return err
	}
	p := ordersPage{Next: out.Text("NextToken")}
	for _, o := range objects(out, "PhoneNumberOrders") {
		p.Orders = append(p.Orders, order{o, objects(o, "OrderedPhoneNumbers")})
	}
	return v.show("number-orders", p)
}
