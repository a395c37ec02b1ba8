package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/directory"
)

// holds fails the test if an answer has another status, or lacks one of the texts.
func holds(t *testing.T, what string, status, want int, text string, texts ...string) {
	t.Helper()
	if status != want {
		t.Fatalf("%s: status %d, want %d: %.600s", what, status, want, text)
	}
	for _, each := range texts {
		if !strings.Contains(text, each) {
			t.Errorf("%s: the page lacks %q", what, each)
		}
	}
}

// keyNamed returns a key with a policy.
func (s *service) keyNamed(t *testing.T, name, policy string) directory.Key {
	t.Helper()
	key, err := s.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: name, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A colleague who only looks gets a key: the page of keys, its button, and the button of the form,
// in which only the name is to be filled in.
func TestKeys_ReadOnlyColleague(t *testing.T) {
	s := start(t, nil)
	token := s.signIn(t, s.root)
	status, _, text, _ := s.as(t, token, "GET", "/keys", nil)
	holds(t, "the keys", status, 200, text, s.root.ID, "Your key", "New read-only key", "Everything (root key)")
	policy := regexp.MustCompile(`name="policy" value="(\w+)"`).FindStringSubmatch(text)
	if policy == nil {
		t.Fatalf("the button chooses no policy: %s", text)
	}
	status, _, text, _ = s.as(t, token, "GET", "/keys/new?policy="+policy[1], nil)
	holds(t, "the form", status, 200, text, `<option value="AmazonChimeReadOnly" selected>`)
	status, _, text, _ = s.as(t, token, "POST", "/keys", url.Values{"name": {"ana.gray"}, "policy": {policy[1]}, "expires": {""}})
	holds(t, "the new key", status, 200, text, "shown only once", "export AWS_ENDPOINT_URL_CHIME=", "export AWS_ACCESS_KEY_ID=", "export AWS_SESSION_TOKEN=", "export AWS_REGION=", "[ana.gray]", s.url+"/console/ui/")
	pair := regexp.MustCompile(`aws_access_key_id = (\S+)\naws_secret_access_key = (\S+)`).FindStringSubmatch(strings.ReplaceAll(text, "&#43;", "+"))
	if pair == nil {
		t.Fatalf("the page does not show the pair: %s", text)
	}
	status, _, text, _ = s.as(t, token, "GET", "/keys", nil)
	holds(t, "the keys", status, 200, text, "ana.gray", pair[1], "AmazonChimeReadOnly")
	if strings.Contains(text, pair[2]) {
		t.Error("the list shows the secret")
	}

	ana := s.signIn(t, directory.Key{ID: pair[1], Secret: pair[2]})
	status, _, text, _ = s.as(t, ana, "GET", "/accounts", nil)
	holds(t, "the colleague's accounts", status, 200, text)
	if strings.Contains(text, "Access keys") {
		t.Error("the menu shows what the key may not list")
	}
	for _, path := range []string{"/keys", "/keys/" + s.root.ID + "/delete"} {
		status, _, text, _ = s.as(t, ana, "GET", path, nil)
		holds(t, path, status, 403, text, "does not allow")
	}
	for _, path := range []string{"/keys", "/keys/" + s.root.ID + "/disable", "/keys/" + s.root.ID + "/delete"} {
		status, _, text, _ = s.as(t, ana, "POST", path, url.Values{"name": {"eve"}, "policy": {"AmazonChimeFullAccess"}})
		holds(t, "POST "+path, status, 403, text)
	}
	status, _, text, _ = s.as(t, ana, "GET", "/sessions", nil)
	holds(t, "the colleague's sessions", status, 200, text, "ana.gray", "Everything", "This session")
	if strings.Contains(text, s.root.ID) || strings.Contains(text, "End the session of root") {
		t.Error("the page shows a session of another key")
	}
}

func TestKeys(t *testing.T) {
	s := start(t, nil)
	token := s.signIn(t, s.root)
	// What is wrong is said above the form, with what was typed.
	for _, c := range []struct{ name, policy, document, problem string }{
		{"root", "AmazonChimeReadOnly", "", "reserved"},
		{`"><script>alert(1)</script>`, "AmazonChimeReadOnly", "", "name of a key must be"},
		{"ci", "document", `{"Statement": <b>`, "policy cannot be used"},
	} {
		status, _, text, _ := s.as(t, token, "POST", "/keys", url.Values{"name": {c.name}, "policy": {c.policy}, "document": {c.document}})
		holds(t, c.problem, status, 422, text, c.problem, `role="alert"`)
		if strings.Contains(text, "<script>alert") || strings.Contains(text, "<b>") {
			t.Errorf("what was typed is part of the page: %s", text)
		}
		if c.document != "" && !strings.Contains(text, "{&#34;Statement&#34;: &lt;b&gt;</textarea>") {
			t.Error("the document that was typed is gone")
		}
	}
	document := `{"Statement": {"Effect": "Allow", "Action": "carillon:ListKeys", "Resource": "*"}}`
	status, _, text, _ := s.as(t, token, "POST", "/keys", url.Values{"name": {"ci"}, "policy": {"document"}, "document": {document}, "expires": {"2100-01-01"}})
	holds(t, "a key with a document", status, 200, text)
	keys, err := s.keys.List(t.Context(), awsAccount)
	if err != nil {
		t.Fatal(err)
	}
	ci := keys[len(keys)-1]
	if ci.Name != "ci" || ci.Policy != document || ci.Expires.Format("2006-01-02T15:04:05Z") != "2100-01-01T00:00:00Z" {
		t.Fatalf("the key is %+v", ci)
	}

	status, to, _, _ := s.as(t, token, "POST", "/keys/"+ci.ID+"/disable", url.Values{})
	if status != 303 {
		t.Fatalf("disabling: status %d", status)
	}
	status, _, text, _ = s.as(t, token, "GET", strings.TrimPrefix(to, "/console/ui"), nil)
	holds(t, "the disabled key", status, 200, text, "The key was disabled", "Enable key ci", "Disabled</span>")
	status, to, _, _ = s.as(t, token, "POST", "/keys/"+ci.ID+"/enable", url.Values{})
	if status != 303 || !strings.Contains(to, "key-enabled") {
		t.Errorf("enabling: status %d, %s", status, to)
	}
	status, _, text, _ = s.as(t, token, "GET", "/keys/"+ci.ID+"/delete", nil)
	holds(t, "the question", status, 200, text, "Key ci is deleted for good")
	status, to, _, _ = s.as(t, token, "POST", "/keys/"+ci.ID+"/delete", url.Values{})
	if status != 303 || !strings.Contains(to, "key-deleted") {
		t.Errorf("deleting: status %d, %s", status, to)
	}
	// Once more, and one's own.
	status, _, text, _ = s.as(t, token, "POST", "/keys/"+ci.ID+"/delete", url.Values{})
	holds(t, "deleting it again", status, 404, text)
	status, _, text, _ = s.as(t, token, "GET", "/keys/"+ci.ID+"/delete", nil)
	holds(t, "the question again", status, 404, text)
	status, _, text, _ = s.as(t, token, "POST", "/keys/"+s.root.ID+"/disable", url.Values{})
	holds(t, "disabling one's own key", status, 422, text, `role="alert"`)
	s.isIn(t, "after all that", token)
}

// What is shown for a shell is what the file root-key.sh has, which documents and tools count on.
func TestKeys_LinesForAShell(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	made := p.post("/keys", "name", "ana", "policy", "AmazonChimeReadOnly")
	p.has(made, 200, "export AWS_ENDPOINT_URL_CHIME="+s.url+" export AWS_ACCESS_KEY_ID=AKIA", " export AWS_DEFAULT_REGION=us-east-1 export AWS_REGION=us-east-1 ")
}

func TestSessionsPage(t *testing.T) {
	s := start(t, nil)
	ana := s.keyNamed(t, "ana", "AmazonChimeReadOnly")
	lister := s.keyNamed(t, "lister", `{"Statement": {"Effect": "Allow", "Action": "carillon:ListKeys", "Resource": "*"}}`)
	root, others, anas, listers := s.signIn(t, s.root), []string{s.signIn(t, s.root), s.signIn(t, s.root)}, s.signIn(t, ana), s.signIn(t, lister)
	ends := func(token string) []string {
		t.Helper()
		status, _, text, _ := s.as(t, token, "GET", "/sessions", nil)
		holds(t, "the sessions", status, 200, text, "127.0.0.1", "Go-http-client")
		var paths []string
		for _, m := range regexp.MustCompile(`action="/console/ui(/sessions/[^"]+/end)[^"]*"><button class="quiet" (disabled)?`).FindAllStringSubmatch(text, -1) {
			paths = append(paths, m[1])
		}
		return paths
	}
	if own := ends(anas); len(own) != 0 {
		t.Errorf("a key that may not list keys sees %v", own)
	}
	if all := ends(root); len(all) != 4 {
		t.Fatalf("root may end %v, want four", all)
	}
	all := ends(listers)
	if len(all) != 4 {
		t.Fatalf("who lists keys sees %v, want four others", all)
	}
	sessions, err := s.sessions.List(t.Context(), awsAccount)
	if err != nil {
		t.Fatal(err)
	}
	own := sessions[slices.IndexFunc(sessions, func(x directory.Session) bool { return x.KeyID == ana.ID })].ID
	// Who may not disable a key may not end its sessions, and the others do not even find them.
	for _, path := range all {
		status, _, text, _ := s.as(t, listers, "POST", path, url.Values{})
		holds(t, "ending another's session", status, http.StatusForbidden, text, "does not allow")
		if !strings.Contains(path, own) {
			status, _, text, _ = s.as(t, anas, "POST", path, url.Values{})
			holds(t, "ending a session that is hidden", status, http.StatusNotFound, text, "has ended already")
		}
	}
	s.isIn(t, "after others tried", root)
	s.isIn(t, "after others tried", others[0])

	if status, _, _, _ := s.as(t, root, "POST", "/sessions/end-others", url.Values{}); status != 303 {
		t.Errorf("ending the other sessions: status %d", status)
	}
	s.isIn(t, "the one that ended the others", root)
	s.isOut(t, "ended", others[0])
	s.isOut(t, "ended", others[1])
	s.isIn(t, "of another key", anas)
	for _, path := range ends(root) {
		if status, _, _, _ := s.as(t, root, "POST", path, url.Values{}); status != 303 {
			t.Errorf("ending one session: status %d", status)
		}
	}
	if status, to, _, _ := s.as(t, anas, "GET", "/accounts", nil); status != 303 {
		t.Errorf("an ended session: %d, %q", status, to)
	}
}
