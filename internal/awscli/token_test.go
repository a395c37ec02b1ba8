package awscli

import (
	"fmt"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// A token of a listing may have bytes in it, such as the key of a table. A reply has them in
// base64, the next request must not have that encoded again, and a token for --starting-token says
// where they are, as version 1 writes it.
func TestListing_binaryToken(t *testing.T) {
	text, blob := &model.Shape{Kind: model.String}, &model.Shape{Kind: model.Blob}
	value := &model.Shape{Kind: model.Structure, Members: []model.Member{
		{Name: "S", Shape: text}, {Name: "B", Shape: blob}, {Name: "BS", Shape: &model.Shape{Kind: model.List, Element: blob}},
	}}
	takes := &model.Shape{Kind: model.Structure, Members: []model.Member{
		{Name: "StartKey", Shape: &model.Shape{Kind: model.Map, Key: text, Value: value}}, {Name: "Table", Shape: text},
	}}
	pages := []string{
		`{"Items": [1, 2], "LastKey": {"k": {"B": "/w=="}, "l": {"S": "/w=="}, "m": {"BS": ["YQ==", "YWI=", "no base64"]}}}`,
		`{"Items": [3]}`,
	}
	list := func(o pageOptions) (asked []string, reply *document.Object, err error) {
		call := func(input *document.Object) (*document.Object, error) {
			if len(asked) == len(pages) {
				return nil, fmt.Errorf("there is no third page")
			}
			asked = append(asked, document.Repr(input))
			v, err := document.Parse(pages[len(asked)-1])
			page, _ := v.(*document.Object)
			return page, err
		}
		reply, err = (&listing{
			model:   &model.Paginator{InputTokens: []string{"StartKey"}, OutputTokens: []string{"LastKey"}, ResultKeys: []string{"Items"}},
			options: o, call: call, takes: takes, input: document.NewObject(document.Member{Key: "Table", Value: "t"}),
		}).all()
		return asked, reply, err
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	const start = `'StartKey': {'k': {'B': b'\xff'}, 'l': {'S': '/w=='}, 'm': {'BS': [b'a', b'ab', 'no base64']}}`
	asked, _, err := list(pageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	check("second request", asked[1], `{'Table': 't', `+start+`}`)

	_, reply, err := list(pageOptions{maxItems: pointer(2)})
	if err != nil {
		t.Fatal(err)
	}
	token := reply.Text("NextToken")
	const at = `, "boto_encoded_keys": [["StartKey", "k", "B"], ["StartKey", "m", "BS", 0], ["StartKey", "m", "BS", 1]]}`
	const key = `{"StartKey": {"k": {"B": "/w=="}, "l": {"S": "/w=="}, "m": {"BS": ["YQ==", "YWI=", "no base64"]}}`
	check("token after two", token, encoded(key+at))
	if asked, _, err = list(startAt(token)); err != nil {
		t.Fatal(err)
	}
	check("request of that token", asked[0], `{'Table': 't', `+start+`}`)

	_, reply, err = list(pageOptions{maxItems: pointer(1)})
	if err != nil {
		t.Fatal(err)
	}
	check("token after one", reply.Text("NextToken"), encoded(`{"StartKey": null, "boto_truncate_amount": 1}`))

	for _, at := range []string{`1`, `[1]`, `[[]]`, `[["StartKey"]]`, `[["StartKey", "k"]]`, `[["StartKey", "k", "B", 0]]`, `[["Nothing"]]`, `[["StartKey", "m", "BS", 3]]`, `[["StartKey", "m", "BS", null]]`} {
		bad := encoded(key + `, "boto_encoded_keys": ` + at + `}`)
		if _, _, err := list(startAt(bad)); err == nil || err.Error() != "Bad starting token: "+bad {
			t.Errorf("%s: got error %v", at, err)
		}
	}
}
