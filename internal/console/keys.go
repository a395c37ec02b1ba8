package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/policy"
	"github.com/carillon-project/carillon/internal/profile"
)

// managedPolicies are the policies that a form offers by their names.
var managedPolicies = []string{policy.ReadOnly, policy.UserManagement, policy.FullAccess}

// ownPolicy is what a form sends instead of one of them, with a document.
const ownPolicy = "document"

type keysPage struct {
	Keys     []keyRow
	ReadOnly string // the policy for those who only look
	Problem  string
}

// keyRow is an access key in a list.
type keyRow struct {
	*document.Object
	Own   bool // the key of the session
	State string
}

// LastDay is the day on which a key was last used, which is all that is known.
func (k keyRow) LastDay() string {
	return k.Text("LastUsed")[:min(len("2026-03-01"), len(k.Text("LastUsed")))]
}

// IsRoot reports whether a key may do everything.
func (k keyRow) IsRoot() bool {
	root, _ := k.Get("Root")
	return root == true
}

// HasDocument reports whether the policy of a key is a document.
func (k keyRow) HasDocument() bool {
	return strings.HasPrefix(strings.TrimSpace(k.Text("Policy")), "{")
}

// What a key can be; each has a text and a color.
const (
	keyInUse    = "used"
	keyDisabled = "disabled"
	keyExpired  = "expired"
)

// keyRows lists the access keys of the AWS account.
func (v *visit) keyRows() ([]keyRow, error) {
	out, err := v.call("ListKeys", document.NewObject())
	if err != nil {
		return nil, err
	}
	var rows []keyRow
	for _, o := range objects(out, "Keys") {
		row := keyRow{Object: o, Own: o.Text("KeyId") == v.key.ID, State: keyInUse}
		if disabled, _ := o.Get("Disabled"); disabled == true {
			row.State = keyDisabled
		} else if expires, ok := timeOf(o.Text("Expires")); ok && !v.ServiceClock().Before(expires) {
			row.State = keyExpired
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (c *Console) keys(v *visit) error { return v.showKeys("") }

// showKeys shows the list of keys, again if a change of one was refused.
func (v *visit) showKeys(problem string) error {
	p := keysPage{ReadOnly: policy.ReadOnly, Problem: problem}
	var err error
	if p.Keys, err = v.keyRows(); err != nil {
		return err
	}
	if problem == "" {
		return v.show("keys", p)
	}
	return v.showAgain("keys", p)
}

// newKeyPage is the form for a new key, as it was filled in.
type newKeyPage struct {
	Name, Policy, Document, Expires string
	Policies                        []string
	Own                             string
	Problem                         string
}

func (c *Console) newKey(v *visit) error {
	chosen := v.r.FormValue("policy")
	if !slices.Contains(managedPolicies, chosen) {
		chosen = policy.UserManagement
	}
	return v.show("key-new", newKeyPage{Policy: chosen, Policies: managedPolicies, Own: ownPolicy})
}

// madeKey is what the page of a new key shows, once.
type madeKey struct {
	Name, ID, Secret   string
	Shell, Credentials string // lines for a shell, and for ~/.aws/credentials
}

func (c *Console) createKey(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	form := v.r.PostForm
	p := newKeyPage{Name: strings.TrimSpace(form.Get("name")), Policy: form.Get("policy"), Document: form.Get("document"), Expires: form.Get("expires"),
		Policies: managedPolicies, Own: ownPolicy}
	text, expires := p.Policy, p.Expires
	if p.Policy == ownPolicy {
		text = p.Document
	}
	if expires != "" && !strings.Contains(expires, "T") {
		expires += "T00:00:00Z"
	}
	out, err := v.call("CreateKey", input("Name", p.Name, "Policy", text, "Expires", expires))
	if problem, ok := corrigible(err); ok {
		p.Problem = problem
		return v.showAgain("key-new", p)
	}
	if err != nil {
		return err
	}
	key := object(out, "Key")
	made := madeKey{Name: key.Text("Name"), ID: key.Text("KeyId"), Secret: out.Text("SecretAccessKey")}
	made.Shell = profile.ExportLines(profile.Variables(c.Service, c.Endpoint, made.ID, made.Secret))
	made.Credentials = "[" + made.Name + "]\naws_access_key_id = " + made.ID + "\naws_secret_access_key = " + made.Secret +
		"\nregion = us-east-1\nendpoint_url = " + c.Endpoint + "\n"
	return v.show("key-made", made)
}

func (c *Console) disableKey(v *visit) error {
	if again, err := v.changeKey("DisableKey"); again || err != nil {
		return err
	}
	return v.done("key-disabled", "/keys")
}

func (c *Console) enableKey(v *visit) error {
	if again, err := v.changeKey("EnableKey"); again || err != nil {
		return err
	}
	return v.done("key-enabled", "/keys")
}

func (c *Console) deleteKey(v *visit) error {
	if again, err := v.changeKey("DeleteKey"); again || err != nil {
		return err
	}
	return v.done("key-deleted", "/keys")
}

// changeKey calls an operation on the key that the path names. If that was refused, it shows the
// list again, and reports so.
func (v *visit) changeKey(operation string) (again bool, err error) {
	_, err = v.call(operation, input("KeyId", v.r.PathValue("key")))
	if problem, ok := corrigible(err); ok {
		return true, v.showKeys(problem)
	}
	return false, err
}

// askToDeleteKey asks whether a key is to go, which cannot be undone.
func (c *Console) askToDeleteKey(v *visit) error {
	rows, err := v.keyRows()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Text("KeyId") == v.r.PathValue("key") {
			return v.show("key-delete", row)
		}
	}
	c.refuse(v.w, v.r, http.StatusNotFound, "error.notfound")
	return nil
}

// sessionsPage is the key of the visitor, and who has signed in.
type sessionsPage struct {
	Key      directory.Key
	Powers   []power
	Document string // the policy, if it is a document
	Sessions []sessionRow
	Others   bool // there are other sessions of this key
	All      bool // sessions of all keys are listed
}

// sessionRow is a session in a list.
type sessionRow struct {
	directory.Session
	KeyName string
	Here    bool // it is this one
	MayEnd  bool
}

func (c *Console) sessions(v *visit) error {
	p := sessionsPage{Key: v.key, Powers: v.powers(), All: v.may("ListKeys")}
	if !slices.Contains(managedPolicies, v.key.Policy) {
		p.Document = v.key.Policy
	}
	var err error
	if p.Sessions, err = v.sessionRows(); err != nil {
		return err
	}
	p.Others = slices.ContainsFunc(p.Sessions, v.isAnother)
	return v.show("sessions", p)
}

// isAnother reports whether it is another session of the key of this one.
func (v *visit) isAnother(s sessionRow) bool { return !s.Here && s.KeyID == v.key.ID }

// sessionRows lists the sessions that the visitor may see: those of all keys of the AWS account if
// the key may list keys, and else those of this key. Whoever may disable a key may end its
// sessions.
func (v *visit) sessionRows() ([]sessionRow, error) {
	all, err := v.Sessions.List(v.r.Context(), v.session.AWSAccountID)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	if v.may("ListKeys") {
		keys, err := v.keyRows()
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			names[k.Text("KeyId")] = k.Text("Name")
		}
	}
	names[v.key.ID] = v.key.Name
	var rows []sessionRow
	for _, s := range slices.Backward(all) { // who came last is of interest first
		if name, ok := names[s.KeyID]; ok {
			own := s.KeyID == v.key.ID
			rows = append(rows, sessionRow{Session: s, KeyName: name, Here: s.ID == v.session.ID, MayEnd: own || v.may("DisableKey")})
		}
	}
	return rows, nil
}

func (c *Console) endSession(v *visit) error {
	ended, err := v.endSessions(func(s sessionRow) bool { return s.ID == v.r.PathValue("session") })
	if err != nil {
		return err
	}
	if ended == 0 {
		c.refuse(v.w, v.r, http.StatusNotFound, "sessions.none")
		return nil
	}
	return v.done("session-ended", "/sessions")
}

func (c *Console) endOtherSessions(v *visit) error {
	if _, err := v.endSessions(v.isAnother); err != nil {
		return err
	}
	return v.done("sessions-ended", "/sessions")
}

// endSessions ends those of the listed sessions that are chosen, if the visitor may end them, and
// returns how many that were.
func (v *visit) endSessions(chosen func(sessionRow) bool) (ended int, err error) {
	rows, err := v.sessionRows()
	if err != nil {
		return 0, err
	}
	caller := directory.Caller{AWSAccountID: v.key.AWSAccountID, KeyID: v.key.ID, KeyName: v.key.Name, RequestID: uuid.NewString(), UserAgent: userAgent()}
	for _, row := range rows {
		if !chosen(row) {
			continue
		}
		if !row.MayEnd {
			return ended, errDenied
		}
		if err := v.Sessions.Revoke(v.r.Context(), caller, row.ID); err != nil && !errors.Is(err, directory.ErrNoSession) {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// power is what a policy allows in an area: all, some or none of what shows something, and of what
// changes something.
type power struct {
	Area         string
	Look, Change extent
}

type extent struct {
	All     bool
	Allowed []string // operations
}

type area struct {
	word  string
	about []string
}

// areas are what operations are about, in order: each takes those whose names have one of its words
// and that no area before it has taken.
var areas = []area{
	{"power.keys", []string{"Key"}},
	{"power.trail", []string{"Audit"}},
	{"power.jobs", []string{"Job"}},
	{"power.messages", []string{"Retention", "Redact"}},
	{"power.meetings", []string{"Meeting"}},
	{"power.numbers", []string{"PhoneNumber"}},
	{"power.rooms", []string{"Room"}},
	{"power.bots", []string{"Bot", "Events"}},
	{"power.users", []string{""}},
}

// powers says what the key may do, area by area. Those that it may do nothing in are there, too.
func (v *visit) powers() []power {
	list := make([]power, len(areas))
	total := make([][2]int, len(areas))
	for _, name := range v.operationNames() {
		i := slices.IndexFunc(areas, func(a area) bool {
			return slices.ContainsFunc(a.about, func(word string) bool { return strings.Contains(name, word) })
		})
		at, which := &list[i].Change, 1
		if looksOnly(name) {
			at, which = &list[i].Look, 0
		}
		total[i][which]++
		if v.may(name) {
			at.Allowed = append(at.Allowed, name)
		}
	}
	for i := range list {
		list[i].Area = say(areas[i].word)
		list[i].Look.All = len(list[i].Look.Allowed) == total[i][0]
		list[i].Change.All = len(list[i].Change.Allowed) == total[i][1]
	}
	slices.Reverse(list) // what most people do comes first
	return list
}

// looksOnly reports whether an operation changes nothing.
func looksOnly(name string) bool {
	return slices.ContainsFunc([]string{"Get", "List", "Search", "Count", "Read"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
