package awscli_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/sigv4"
)

// library is a service of no use: what aws does for it, it does by the contract alone.
func library() *model.Service {
	text := &model.Shape{Name: "Text", Kind: model.String, Min: 1, Max: 5}
	reason := &model.Shape{Name: "Reason", Kind: model.String, Min: 2, Max: model.Unbounded}
	integer := &model.Shape{Name: "Integer", Kind: model.Integer, Min: model.Unbounded, Max: model.Unbounded}
	bad := &model.Shape{Name: "Refusal", Kind: model.Structure, Members: []model.Member{{Name: "ErrorCode", Shape: text}}}
	return &model.Service{
		Command: "some-library", ID: "Some Library", EndpointPrefix: "books", SigningName: "shelf",
		Operations: []*model.Operation{{
			Name: "ListBooks", Command: "list-books", Method: "GET", Path: "/books", Status: 200,
			Input: &model.Shape{Name: "ListBooksRequest", Kind: model.Structure, Members: []model.Member{
				{Name: "Marker", Option: "marker", Shape: text, Location: model.Query, WireName: "marker"},
				{Name: "PageSize", Option: "page-size-of-service", Shape: integer, Location: model.Query, WireName: "size"},
			}},
			Output: &model.Shape{Name: "ListBooksResponse", Kind: model.Structure, Members: []model.Member{
				{Name: "Books", Shape: &model.Shape{Name: "Books", Kind: model.List, Element: text}}, {Name: "NextMarker", Shape: text},
			}},
			Paginator: &model.Paginator{InputTokens: []string{"Marker"}, OutputTokens: []string{"NextMarker"}, LimitKey: "PageSize", ResultKeys: []string{"Books"}},
		}, {
			Name: "BurnBooks", Command: "burn-books", Method: "POST", Path: "/books", Query: "operation=burn", Status: 200,
			Input: &model.Shape{Name: "BurnBooksRequest", Kind: model.Structure, Required: []string{"Why"}, Members: []model.Member{
				{Name: "Why", Option: "why", Shape: reason, Required: true},
			}},
			Output: &model.Shape{Name: "BurnBooksResponse", Kind: model.Structure, Members: []model.Member{
				{Name: "Saved", Shape: &model.Shape{Name: "Refusals", Kind: model.List, Element: bad}},
			}},
			ItemErrors: "Saved",
		}},
	}
}

// TestService runs commands of a service that is not Chime, beside Chime.
func TestService(t *testing.T) {
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := "unsigned"
		if header := r.Header.Get("Authorization"); header != "" {
			a, err := sigv4.Parse(header)
			if err != nil {
				t.Error(err)
			}
			scope = a.Scope.Region + "/" + a.Scope.Service
		}
		requests = append(requests, fmt.Sprintf("%s %s %s", r.Method, r.URL, scope))
		switch {
		case r.Method == "POST":
			fmt.Fprint(w, `{"Saved": [{"ErrorCode": "Stone"}]}`)
		case r.URL.Query().Get("marker") == "":
			fmt.Fprint(w, `{"NextMarker": "m", "Books": ["a", "b"]}`)
		default:
			fmt.Fprint(w, `{"Books": ["c"]}`)
		}
	}))
	defer server.Close()
	home := homeWith(t, map[string]string{
		".aws/config":    "[default]\nregion = eu-west-1\nservices = own\n[services own]\nsome_library =\n  endpoint_url = " + server.URL + "/section\n",
		".aws/cli/alias": "[toplevel]\nbooks = some-library list-books\n",
	})
	env := []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=B",
		"AWS_ENDPOINT_URL_CHIME=" + server.URL + "/chime",
	}
	own := "AWS_ENDPOINT_URL_SOME_LIBRARY=" + server.URL + "/own"
	page := "NAME\n    some-library - Some Library\n"

	for _, tt := range []struct {
		name     string
		line     string
		env      []string
		code     int
		stdout   string // a part
		stderr   string // a part
		requests []string
	}{
		{name: "pages by the service's own tokens", line: "some-library list-books", env: []string{own},
			stdout:   "{\n    \"Books\": [\n        \"a\",\n        \"b\",\n        \"c\"\n    ]\n}\n",
			requests: []string{"GET /own/books eu-west-1/shelf", "GET /own/books?marker=m eu-west-1/shelf"}},
		{name: "the token to go on is version 1's", line: "some-library list-books --max-items 1 --query NextToken --page-size 2", env: []string{own},
			stdout: `"eyJNYXJrZXIiOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAxfQ=="` + "\n", requests: []string{"GET /own/books?size=2 eu-west-1/shelf"}},
		{name: "the section of the service", line: "some-library list-books --marker x --output text",
			stdout: "BOOKS\tc\n", requests: []string{"GET /section/books?marker=x eu-west-1/shelf"}},
		{name: "an alias", line: "books --marker x --query Books[0]", env: []string{own},
			stdout: "\"c\"\n", requests: []string{"GET /own/books?marker=x eu-west-1/shelf"}},
		{name: "refused items", line: "some-library burn-books --why fire --query Saved[0].ErrorCode", env: []string{own, "CARILLON_FAIL_ON_USER_ERRORS=1"}, code: 3,
			stdout: "\"Stone\"\n", requests: []string{"POST /own/books?operation=burn eu-west-1/shelf"}},
		{name: "bad input", line: "some-library burn-books --why x", env: []string{own}, code: 255,
			stderr: "\nParameter validation failed:\nInvalid length for parameter Why, value: 1, valid min length: 2\n"},
		{name: "a command for each service", line: "some-libary list-books", code: 2, stderr: "maybe you meant:\n\n  * some-library\n"},
		{name: "an operation of another service", line: "some-library list-users", code: 2, stderr: "argument operation: Invalid choice"},
		{name: "its page", line: "some-library help", stdout: page},
		{name: "the page of an operation", line: "some-library list-books help", stdout: "SYNOPSIS\n    aws some-library list-books\n"},
		{name: "a model that names no service", line: "configure add-model --service-model {}", code: 255, stderr: `"endpointPrefix" not defined in the metadata of the model`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requests = nil
			var stdout, stderr bytes.Buffer
			code := awscli.Main(t.Context(), strings.Fields(tt.line), append(tt.env, env...), strings.NewReader(""), &stdout, &stderr, chime.Service, library())
			if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("got exit code %d, standard output\n%s\nstandard error\n%s\nwant %d and in them\n%s\n%s", code, stdout.String(), stderr.String(), tt.code, tt.stdout, tt.stderr)
			}
			if diff := cmp.Diff(tt.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}

	for line, want := range map[string]string{
		"aws some-l":                      "some-library\n",
		"aws some-library b":              "burn-books\n",
		"aws some-library list-":          "list-books\n",
		"aws some-library burn-books --w": "--why\n",
		"aws chime list-a":                "list-accounts\n",
	} {
		var stdout, stderr bytes.Buffer
		code := awscli.Main(t.Context(), nil, append(env, "COMP_LINE="+line), strings.NewReader(""), &stdout, &stderr, chime.Service, library())
		if code != 0 || stdout.String() != want {
			t.Errorf("completing %q: got exit code %d and %q, want 0 and %q", line, code, stdout.String(), want)
		}
	}
}
