package console

import (
	"slices"

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
	Deleted           bool   // it can be restored, until it is gone
}

func numberOf(o *document.Object) aNumber {
	n := aNumber{Object: o, Deleted: o.Text("DeletionTimestamp") != ""}
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
func (c *Console) changeNumber(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	in := input("PhoneNumberId", v.r.PathValue("number"))
	for _, name := range []string{"ProductType", "CallingName"} {
		if v.r.PostForm.Has(name) {
			in.Set(name, v.r.PostForm.Get(name))
		}
	}
	if again, err := v.callForNumber("UpdatePhoneNumber", in); again || err != nil {
		return err
	}
	return v.done("number-changed", "/numbers/%s", v.r.PathValue("number"))
}

func (c *Console) deleteNumber(v *visit) error {
	if again, err := v.callForNumber("DeletePhoneNumber", input("PhoneNumberId", v.r.PathValue("number"))); again || err != nil {
		return err
	}
	return v.done("number-deleted", "/numbers/%s", v.r.PathValue("number"))
}

func (c *Console) restoreNumber(v *visit) error {
	if again, err := v.callForNumber("RestorePhoneNumber", input("PhoneNumberId", v.r.PathValue("number"))); again || err != nil {
		return err
	}
	return v.done("number-restored", "/numbers/%s", v.r.PathValue("number"))
}

// callForNumber calls an operation on a number. If that was refused, it shows the number again with
// what somebody has typed, and reports so.
func (v *visit) callForNumber(operation string, in *document.Object) (again bool, err error) {
	_, err = v.call(operation, in)
	problem, ok := corrigible(err)
	if !ok {
		return false, err
	}
	p, err := v.numberPage()
	if err != nil {
		return false, err
	}
	p.Problem = problem
	if typed, ok := in.Get("CallingName"); ok {
		p.CallingName, _ = typed.(string)
	}
	if chosen := in.Text("ProductType"); slices.Contains(p.Products, chosen) {
		p.Product = chosen
	}
	return true, v.showAgain("number", p)
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
