package client_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/servicefile"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// The protocol cases are those of the first-generation SDK: the program in extract copied them.
// What differs between it and version 1 of the AWS CLI is said where it is compared.

// protocolCase is one case with its service.
type protocolCase struct {
	name     string
	service  *model.Service
	endpoint string
	raw      *document.Object
}

func readProtocolCases(t *testing.T, pattern string) (cases []protocolCase) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata/protocols", pattern))
	if err != nil || len(files) != 5 {
		t.Fatalf("found %v (%v), want a file for each protocol", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := document.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range v.([]any) {
			suite := s.(*document.Object)
			meta := object(suite, "metadata")
			for key, value := range map[string]string{"serviceId": "Protocol", "endpointPrefix": "protocol", "apiVersion": "2014-01-01"} {
				meta.Set(key, value)
			}
			list, _ := suite.Get("cases")
			for i, c := range list.([]any) {
				raw := c.(*document.Object)
				given := object(raw, "given")
				if _, ok := given.Get("http"); !ok {
					given.Set("http", document.NewObject(document.Member{Key: "method", Value: "POST"}, document.Member{Key: "requestUri", Value: "/"}))
				}
				contract := document.NewObject(document.Member{Key: "metadata", Value: meta}, document.Member{Key: "shapes", Value: object(suite, "shapes")},
					document.Member{Key: "operations", Value: document.NewObject(document.Member{Key: given.Text("name"), Value: given})})
				name := fmt.Sprintf("%s/%s/%d", strings.TrimSuffix(filepath.Base(file), ".json"), suite.Text("description"), i)
				files := servicefile.Files{Model: string(document.AppendCompact(nil, contract))}
				read, err := files.Read("protocol")
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				endpoint := suite.Text("clientEndpoint")
				if endpoint == "" {
					endpoint = "https://service.example"
				}
				cases = append(cases, protocolCase{name, read, endpoint, raw})
			}
		}
	}
	return cases
}

func object(o *document.Object, key string) *document.Object {
	v, _ := o.Get(key)
	m, _ := v.(*document.Object)
	if m == nil {
		m = document.NewObject()
	}
	return m
}

// exchange is a service that keeps the request and gives a reply.
type exchange struct {
	request *http.Request
	body    string
	reply   *http.Response
}

func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	e.request = r
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		e.body = string(b)
	}
	return e.reply, nil
}

// call makes the call of a case.
func (c *protocolCase) call(t *testing.T, input *document.Object, reply *http.Response) (*exchange, *client.Reply) {
	t.Helper()
	e := &exchange{reply: reply}
	calls, err := client.New(client.Config{Endpoint: c.endpoint, Service: c.service, RoundTripper: e, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := calls.Call(t.Context(), c.service.Operations[0], input)
	if err != nil {
		t.Fatal(err)
	}
	return e, got
}

func httpReply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestProtocol_requests(t *testing.T) {
	cases := readProtocolCases(t, "input-*.json")
	if len(cases) != 156 {
		t.Errorf("there are %d cases, want 156", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			op := c.service.Operations[0]
			if op.Root == "" && op.Input != nil {
				op.Root = op.Input.Name // version 1 fails where this SDK takes the name of the shape
			}
			nothing := "{}"
			if p := c.service.Protocol; p == model.AWSQuery || p == model.EC2Query {
				nothing = "<Nothing/>"
			}
			e, _ := c.call(t, object(c.raw, "params"), httpReply(200, nothing))
			want := object(c.raw, "serialized")
			if got := e.request.URL.RequestURI(); want.Text("uri") != "" && !sameURI(got, want.Text("uri")) {
				t.Errorf("got the URI %s, want %s", got, want.Text("uri"))
			}
			if method := want.Text("method"); method != "" && e.request.Method != method {
				t.Errorf("got the method %s, want %s", e.request.Method, method)
			}
			if host := want.Text("host"); host != "" && e.request.Host != host {
				t.Errorf("got the host %s, want %s", e.request.Host, host)
			}
			for _, h := range object(want, "headers").Members() {
				got, value := strings.TrimSpace(e.request.Header.Get(h.Key)), h.Value.(string) // as net/http sends it
				// The content type of a text or of bytes is said by nobody in version 1.
				guessed := h.Key == "Content-Type" && got == "" && op.Input.PayloadMember() != nil
				if got != value && !guessed {
					t.Errorf("got the header %s: %q, want %q", h.Key, got, value)
				}
			}
			if _, ok := want.Get("body"); ok {
				compareBody(t, &c, e.body, want.Text("body"))
			}
		})
	}
}

// sameURI compares paths as they are, and queries whatever their order.
func sameURI(got, want string) bool {
	gotPath, gotQuery, _ := strings.Cut(got, "?")
	wantPath, wantQuery, _ := strings.Cut(want, "?")
	return gotPath == wantPath && slices.Equal(pairs(gotQuery), pairs(wantQuery))
}

func pairs(query string) (out []string) {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, _ = url.QueryUnescape(key)
		value, _ = url.QueryUnescape(value)
		out = append(out, key+"="+value)
	}
	slices.Sort(out)
	return out
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

func compareBody(t *testing.T, c *protocolCase, got, want string) {
	t.Helper()
	if strings.Contains(want, "00000000-0000-4000-8000-000000000000") {
		got = uuid.ReplaceAllString(got, "00000000-0000-4000-8000-000000000000")
	}
	same := false
	switch c.service.Protocol {
	case model.AWSQuery, model.EC2Query:
		same = slices.Equal(pairs(got), pairs(want))
	case model.RESTXML:
		same = canonicalXML(got) == canonicalXML(want)
		// The entries of the one map with two are in the order of the input, not sorted.
		if i := strings.Index(got, "<entry><key>foo"); !same && i > 0 {
			first, second, _ := strings.Cut(got[i:], "</entry>")
			second, rest, _ := strings.Cut(second, "</entry>")
			same = canonicalXML(got[:i]+second+"</entry>"+first+"</entry>"+rest) == canonicalXML(want)
		}
	default:
		same = canonicalJSON(got) == canonicalJSON(want)
	}
	if !same {
		t.Errorf("got the body\n%s\nwant\n%s", got, want)
	}
}

// canonicalJSON spells numbers and blanks in one way. What is no JSON stays.
func canonicalJSON(text string) string {
	v, err := document.Parse(text)
	if err != nil {
		return text
	}
	return string(document.AppendTight(nil, sorted(v)))
}

func sorted(v any) any {
	switch v := v.(type) {
	case *document.Object:
		members := slices.Clone(v.Members())
		slices.SortFunc(members, func(a, b document.Member) int { return strings.Compare(a.Key, b.Key) })
		for i := range members {
			members[i].Value = sorted(members[i].Value)
		}
		return document.NewObject(members...)
	case []any:
		for i := range v {
			v[i] = sorted(v[i])
		}
	}
	return v
}

// canonicalXML spells elements in one way, attributes sorted.
func canonicalXML(text string) string {
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.RawToken()
		if err != nil {
			if b.Len() == 0 {
				return text
			}
			return b.String()
		}
		switch token := token.(type) {
		case xml.StartElement:
			fmt.Fprintf(&b, "<%s", token.Name.Local)
			slices.SortFunc(token.Attr, func(x, y xml.Attr) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
			fmt.Fprintf(&b, " %v>", token.Attr)
		case xml.EndElement:
			fmt.Fprintf(&b, "</%s>", token.Name.Local)
		case xml.CharData:
			b.Write(token)
		}
	}
}

func TestProtocol_replies(t *testing.T) {
	cases := readProtocolCases(t, "output-*.json")
	if len(cases) != 72 {
		t.Errorf("there are %d cases, want 72", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response := object(c.raw, "response")
			status, _ := response.Get("status_code")
			reply := httpReply(int(status.(document.Number).Float64()), response.Text("body"))
			for _, h := range object(response, "headers").Members() {
				reply.Header.Set(h.Key, h.Value.(string))
			}
			_, got := c.call(t, document.NewObject(), reply)
			output := c.service.Operations[0].Output
			if m := output.Streams(); m != nil {
				got.Output.Set(m.Name, base64.StdEncoding.EncodeToString(got.Body))
			}
			want := object(c.raw, "result")
			if got, want := settle(got.Output, output), sorted(smallKeys(want, output)); canonicalJSON(string(document.AppendTight(nil, got))) != string(document.AppendTight(nil, want)) {
				t.Errorf("got\n%s\nwant\n%s", document.AppendTight(nil, sorted(got)), document.AppendTight(nil, want))
			}
		})
	}
}

// parsed reads JSON in texts.
func parsed(v any) any {
	switch v := v.(type) {
	case string:
		if value, err := document.Parse(v); err == nil {
			return value
		}
	case []any:
		for i := range v {
			v[i] = parsed(v[i])
		}
	}
	return v
}

// smallKeys is what settle does to the keys of maps.
func smallKeys(v any, shape *model.Shape) any {
	o, ok := v.(*document.Object)
	if !ok || shape == nil {
		return v
	}
	out := document.NewObject()
	for _, m := range o.Members() {
		if shape.Kind == model.Map {
			out.Set(strings.ToLower(m.Key), smallKeys(m.Value, shape.Value))
		} else if member := shape.Member(m.Key); member != nil {
			out.Set(m.Key, smallKeys(m.Value, member.Shape))
		} else {
			out.Set(m.Key, m.Value)
		}
	}
	return out
}

// settle gives a reply the types of the cases: version 1 prints times and bytes as they came.
func settle(v any, shape *model.Shape) any {
	switch v := v.(type) {
	case *document.Object:
		out := document.NewObject()
		for _, m := range v.Members() {
			of := shape.Value
			if shape.Kind == model.Structure && shape.Member(m.Key) != nil {
				of = shape.Member(m.Key).Shape
			}
			if shape.Kind == model.Structure && shape.Member(m.Key).JSONValue {
				out.Set(m.Key, parsed(m.Value)) // of which only headers are read by version 1
				continue
			}
			if shape.Document || of == nil {
				out.Set(m.Key, m.Value)
				continue
			}
			key := m.Key
			if shape.Kind == model.Map { // the names of headers are small over TLS
				key = strings.ToLower(key)
			}
			out.Set(key, settle(m.Value, of))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if shape.Element == nil {
				return v
			}
			out[i] = settle(v[i], shape.Element)
		}
		return out
	}
	switch shape.Kind {
	case model.Timestamp:
		if t, _, err := timestamp.Parse(v); err == nil {
			return document.Number(fmt.Sprint(t.Unix()))
		}
	case model.Blob:
		if b, err := base64.StdEncoding.DecodeString(document.Spell(v)); err == nil {
			return string(b)
		}
	}
	return v
}

// The example is that of the description of Signature Version 2.
func TestSignatureVersion2(t *testing.T) {
	files := servicefile.Files{Model: `{"metadata": {"apiVersion": "2009-03-31", "endpointPrefix": "x", "serviceId": "X", "protocol": "query", "signatureVersion": "v2"},
		"operations": {"DescribeJobFlows": {"http": {"method": "POST", "requestUri": "/"}}}, "shapes": {}}`}
	read, err := files.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	e := &exchange{reply: httpReply(200, "<x/>")}
	calls, err := client.New(client.Config{Endpoint: "https://elasticmapreduce.amazonaws.com", Service: read, RoundTripper: e,
		Credentials: &client.Credentials{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		Now:         func() time.Time { return time.Date(2011, 10, 3, 15, 19, 30, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calls.Call(t.Context(), read.Operations[0], nil); err != nil {
		t.Fatal(err)
	}
	want := "Action=DescribeJobFlows&Version=2009-03-31&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2011-10-03T15%3A19%3A30Z&Signature="
	signature, ok := strings.CutPrefix(e.body, want)
	mac := hmac.New(sha256.New, []byte("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
	mac.Write([]byte("POST\nelasticmapreduce.amazonaws.com\n/\nAWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Action=DescribeJobFlows&SignatureMethod=HmacSHA256" +
		"&SignatureVersion=2&Timestamp=2011-10-03T15%3A19%3A30Z&Version=2009-03-31"))
	if got, _ := url.QueryUnescape(signature); !ok || got != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || e.request.Header.Get("Authorization") != "" {
		t.Errorf("got the form %s with the headers %v, want %s and the signature of all that", e.body, e.request.Header, want)
	}
}

// A union has one member, which in XML may be several elements.
func TestProtocol_xmlUnion(t *testing.T) {
	files := servicefile.Files{Model: `{"metadata": {"apiVersion": "1", "endpointPrefix": "x", "serviceId": "X", "protocol": "rest-xml"},
		"operations": {"Get": {"http": {"method": "GET", "requestUri": "/"}, "output": {"shape": "Out"}}}, "shapes": {
		"Out": {"type": "structure", "members": {"Pick": {"shape": "Pick"}}}, "Text": {"type": "string"},
		"Pick": {"type": "structure", "union": true, "members": {"One": {"shape": "Text"}, "All": {"shape": "All"}}},
		"All": {"type": "list", "flattened": true, "member": {"shape": "Text"}}}}`}
	read, err := files.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	const broken = "Invalid service response: Pick must have one and only one member set."
	for body, want := range map[string]string{
		"<All>a</All><All>b</All>":             `{"Pick": {"All": ["a", "b"]}}`,
		"<One>a</One>":                         `{"Pick": {"One": "a"}}`,
		"<New>a</New>":                         `{"Pick": {"SDK_UNKNOWN_MEMBER": {"name": "New"}}}`,
		"<One>a</One><All>b</All>":             broken,
		"<All>a</All><One>b</One><All>c</All>": broken,
		"":                                     broken,
	} {
		reply := httpReply(200, "<Out><Pick>"+body+"</Pick></Out>")
		calls, err := client.New(client.Config{Endpoint: "https://service.example", Service: read, RoundTripper: &exchange{reply: reply}, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if reply, err := calls.Call(t.Context(), read.Operations[0], nil); err != nil {
			got = err.Error()
		} else {
			got = string(document.AppendCompact(nil, reply.Output))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

// Whatever a service answers, in whatever protocol, is an output or an error with a text.
func FuzzReply(f *testing.F) {
	const shapes = `{
		"Out": {"type": "structure", "members": {"Head": {"shape": "Int", "location": "header", "locationName": "x-head"}, "Tree": {"shape": "Tree"}, "Union": {"shape": "Pick"}}},
		"Tree": {"type": "structure", "members": {"Name": {"shape": "Text", "xmlAttribute": true, "locationName": "n:name"}, "All": {"shape": "Trees"}, "Flat": {"shape": "Flat"}, "Map": {"shape": "Map"}, "On": {"shape": "Bool"}, "At": {"shape": "Time"}, "Data": {"shape": "Data"}, "Real": {"shape": "Real"}}},
		"Trees": {"type": "list", "member": {"shape": "Tree"}}, "Flat": {"type": "list", "flattened": true, "member": {"shape": "Int", "locationName": "F"}},
		"Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Tree"}}, "Pick": {"type": "structure", "union": true, "members": {"A": {"shape": "Text"}, "B": {"shape": "Int"}}},
		"Text": {"type": "string"}, "Int": {"type": "integer"}, "Bool": {"type": "boolean"}, "Time": {"type": "timestamp"}, "Data": {"type": "blob"}, "Real": {"type": "double"}}`
	protocols := []string{"rest-json", "json", "query", "ec2", "rest-xml"}
	var services []*model.Service
	for _, p := range protocols {
		files := servicefile.Files{Model: `{"metadata": {"apiVersion": "1", "endpointPrefix": "x", "serviceId": "X", "protocol": "` + p + `"},
			"operations": {"Get": {"http": {"method": "GET", "requestUri": "/"}, "output": {"shape": "Out"}}}, "shapes": ` + shapes + `}`}
		read, err := files.Read("x")
		if err != nil {
			f.Fatal(err)
		}
		services = append(services, read)
	}
	f.Add(uint8(0), 200, `{"Tree": {"All": [{"Name": "a", "At": 1}], "Map": {"k": {"On": true}}}, "Union": {"A": "x"}}`)
	f.Add(uint8(4), 200, `<?xml version="1.0"?><Out xmlns:n="u"><Tree n:name="a"><All><member/></All><F>1</F><F>2</F><Map><entry><key>k</key><value/></entry></Map></Tree></Out>`)
	f.Add(uint8(2), 400, `<!DOCTYPE x [<!ENTITY a "b">]><ErrorResponse><Error><Code>&a;</Code><Message><![CDATA[m]]></Message></Error></ErrorResponse>`)
	f.Add(uint8(3), 400, `<Response><Errors><Error><Code>C</Code></Error></Errors></Response>`+strings.Repeat("<a>", 2000))
	f.Fuzz(func(t *testing.T, which uint8, status int, body string) {
		service := services[int(which)%len(services)]
		reply := httpReply(200+(status%400+400)%400, body)
		reply.Header.Set("X-Head", "7")
		calls, err := client.New(client.Config{Endpoint: "https://service.example", Service: service, RoundTripper: &exchange{reply: reply}, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		got, err := calls.Call(t.Context(), service.Operations[0], nil)
		switch {
		case err != nil && err.Error() == "":
			t.Fatalf("an error without text: %#v", err)
		case err == nil:
			document.AppendIndented(nil, got.Output)
		}
	})
}
