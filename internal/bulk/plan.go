package bulk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Status is how far a row has come.
type Status string

const (
	Planned Status = "planned"
	Sent    Status = "sent" // the service may have made the change already
	Done    Status = "done"
	Failed  Status = "failed"
	Skipped Status = "skipped" // nothing had to be done, or --from did not match; not a failure
)

// Codes of rows that fail or are skipped without an answer of the service. All other codes are the
// service's own.
const (
	codeInvalid       = "InvalidRow"       // its values make no sense
	codeUnknown       = "UnknownUser"      // no user in the account has the id or the address
	codeAmbiguous     = "AmbiguousUser"    // several users have the address
	codeContradicting = "ContradictingRow" // two rows, or a row's id and address, disagree
	codeDrifted       = "Drifted"          // somebody else changed the user since
	codeLost          = "AnswerLost"       // the outcome is unknown and cannot be read
	codeDuplicate     = "DuplicateRow"     // skipped: an earlier row says the same
	codeGuarded       = "Guarded"          // skipped: the old value is not the one that --from names
)

// Row is one user of a job.
type Row struct {
	Number  int    // in the job, from 1
	Line    int    // in the file of rows, from 1; 0 if it came from elsewhere
	User    string // id; empty if the user is to be invited or is unknown
	Email   string
	From    Values // what the user has, of the fields that change
	To      Values // what the user should have
	Status  Status
	Code    string // of a row that failed or was skipped
	Message string
	Cells   Cells // of the file that the row comes from; empty if it comes from elsewhere
	again   int   // see Wish, while it is planned
}

// Name returns the address of the user, or else the id, for messages: see [sheet.Visible].
func (r *Row) Name() string {
	if r.Email != "" {
		return sheet.Visible(r.Email)
	}
	return sheet.Visible(r.User)
}

// Change describes the change: "LicenseType Pro -> Basic".
func (r *Row) Change() string {
	var b strings.Builder
	for i, to := range r.To {
		if i > 0 {
			b.WriteString(", ")
		}
		from, _ := r.From.Get(to.Field)
		fmt.Fprintf(&b, "%s %s -> %s", to.Field, show(from), show(to.Text))
	}
	return b.String()
}

func show(value string) string {
	if value == "" {
		return "(none)"
	}
	return value
}

func (r *Row) fail(code, format string, args ...any) {
	r.Status, r.Code, r.Message = Failed, code, fmt.Sprintf(format, args...)
}

// Head says what a plan or a ledger is about.
type Head struct {
	Action   Action
	Endpoint string
	Account  string
	Name     string   // of the account; empty if it is not known
	Type     string   // of the account; empty if nobody knows
	Source   string   // where the rows came from
	Columns  []string // the heading of their table; nil if they came from elsewhere
	Set      Values   // for every row; wins over what the row itself says
	From     Values   // only users that had these values
	Job      string   // empty for a plan
	Undoes   string   // the job that this one rolls back, if any
	By       string   // the person who began the job, as their machine names them, or empty
}

// Of returns the account that the plan or the ledger is about.
func (h *Head) Of() NamedAccount { return NamedAccount{ID: h.Account, Name: h.Name} }

// Plan is what a job would do. Rows are in the order of their source. Rows that are [Planned]
// change something. The others failed or were skipped before anything was sent.
type Plan struct {
	Head
	Rows    []Row
	Same    int // rows whose users already are as they should be; they are not in Rows
	Guarded int // users chosen by --where or --all that --from excludes; not in Rows either
	Members int // users in the account
	Seats   []Seats
	Unused  []sheet.Unknown // columns of the table that count for nothing; see [Table]

	Excluded []Exclusion // rows that count for nothing, by the conditions that they do not meet
	Remarks  []string    // on the workbook; see [Table]

	// Unchecked says what could not be checked beforehand, and why. It is empty if all was checked.
	Unchecked string
}

// Seats is the number of users with a license, before and after.
type Seats struct {
	License       string
	Before, After int
}

// Count returns the number of rows in a state.
func (p *Plan) Count(s Status) int {
	n := 0
	for i := range p.Rows {
		if p.Rows[i].Status == s {
			n++
		}
	}
	return n
}

// Unfinished returns the number of rows that have no end yet.
func (p *Plan) Unfinished() int { return p.Count(Planned) + p.Count(Sent) }

// Selection says which users a job is about: those of rows, those for whom a condition holds, both
// at once, or all.
type Selection struct {
	Wishes []Wish // nil for no rows
	Where  *Where
	All    bool
}

// PlanOptions refine a plan.
type PlanOptions struct {
	Source   string          // where the rows came from, for the record
	Columns  []string        // the heading of their table, for rejects
	Unused   []sheet.Unknown // those of them that count for nothing
	Excluded []Exclusion     // rows of the table that were left out
	Remarks  []string        // on the workbook
	Type     string          // of the account, where it was known before, in case the key may not read it
	Set      Values          // for every row; wins over what the row itself says
	From     Values          // only users that have these values
}

// Plan reads the account and its users once, and decides what would change. Rows that the service
// would refuse (see package rules) fail. If it would refuse the job as a whole, that is an error.
func (a *Account) Plan(ctx context.Context, action Action, s Selection, o PlanOptions) (*Plan, error) {
	standing, err := a.standing(ctx)
	if err != nil {
		return nil, err
	}
	o.Type = cmp.Or(standing.Type, o.Type)
	standing.Type = o.Type
	if err := standing.refuses(action, o.Set); err != nil {
		return nil, err
	}
	p := &planner{
		Plan: Plan{Head: a.head(action, o), Unused: o.Unused, Excluded: o.Excluded, Remarks: o.Remarks, Unchecked: standing.unchecked(action)}, options: o, standing: standing,
		byID: map[string][]int{}, byEmail: map[string][]int{}, others: map[int]*User{}, outside: map[*User]bool{},
	}
	for i, w := range s.Wishes {
		if w.Email != "" {
			key := emailKey(w.Email)
			p.byEmail[key] = append(p.byEmail[key], i)
		}
		if w.ID != "" && action != Invite {
			p.byID[w.ID] = append(p.byID[w.ID], i)
		}
	}
	p.found = make([][]*User, len(s.Wishes))
	seats := seatCount{}
	err = a.all(ctx, func(listed *document.Object) error {
		p.Members++
		now := readUser(listed, a.shape)
		a.config.Protected.see(&now)
		seats.add(now.now[License], 1)
		if s.Wishes == nil {
			chosen := s.All
			if s.Where != nil {
				var err error
				if chosen, err = s.Where.holds(listed); err != nil {
					return err
				}
			}
			if chosen && (action != Invite || now.Email != "") {
				u := p.user(now)
				p.decide(Wish{ID: u.ID, Email: u.Email}, u)
			}
			return nil
		}
		byID, byEmail := p.byID[now.ID], p.byEmail[emailKey(now.Email)]
		if byID == nil && byEmail == nil {
			return nil
		}
		u := p.user(now)
		if s.Where != nil {
			holds, err := s.Where.holds(listed)
			if err != nil {
				return err
			}
			p.outside[u] = !holds
		}
		for _, i := range byID {
			p.found[i] = append(p.found[i], u)
		}
		for _, i := range byEmail {
			if s.Wishes[i].ID == "" || action == Invite {
				p.found[i] = append(p.found[i], u)
			} else {
				p.others[i] = u
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.foreignIDs(s.Wishes); err != nil {
		return nil, err
	}
	if s.Wishes != nil && s.Where != nil {
		p.Excluded = append(slices.Clip(p.Excluded), Exclusion{s.Where.String(), p.exclude(s.Wishes)})
	}
	p.resolve(s.Wishes)
	p.Seats = seats.after(p.Rows)
	return &p.Plan, nil
}

func (a *Account) head(action Action, o PlanOptions) Head {
	return Head{Action: action, Endpoint: a.config.Client.Endpoint, Account: a.config.Account, Name: a.name, Type: o.Type, Source: o.Source, Columns: o.Columns, Set: o.Set, From: o.From}
}

type planner struct {
	Plan
	sharing
	texts
	options  PlanOptions
	standing *standing
	byID     map[string][]int // indexes of wishes by the id, or the address, that they name
	byEmail  map[string][]int
	found    [][]*User      // for each wish
	others   map[int]*User  // who has the address of a wish that names an id, too
	outside  map[*User]bool // users for whom the condition beside rows does not hold
	skip     map[int]bool   // wishes for them
}

// foreignIDs returns an *InputError if a table has a column of ids that are none of the service,
// such as numbers of another program, beside a column of addresses.
func (p *planner) foreignIDs(wishes []Wish) error {
	both, example := 0, -1
	for i, w := range wishes {
		if w.ID == "" || w.Email == "" || p.Action == Invite {
			continue
		}
		if len(p.found[i]) > 0 {
			return nil
		}
		if both++; example < 0 && p.others[i] != nil {
			example = i
		}
	}
	known := columnsOf(p.Action)
	at := slices.IndexFunc(p.Columns, func(name string) bool { return known.Find(name) == columnID })
	if both < 2 || example < 0 || at < 0 {
		return nil
	}
	return badInput(p.Source, 0, "column %.40q holds no ids of users of account %s (line %d has %.40q): if these are ids of another program, delete the column or rename it; the addresses name the users",
		p.Columns[at], p.Account, wishes[example].Line, wishes[example].ID)
}

// exclude leaves out the wishes for users for whom the condition does not hold, and returns their
// number. It does not hold for people who are not in the account. A wish that fails stays.
func (p *planner) exclude(wishes []Wish) int {
	p.skip = map[int]bool{}
	for i, w := range wishes {
		if p.identity(i, w) != "" && (len(p.found[i]) == 0 || p.outside[p.found[i][0]]) {
			p.skip[i] = true
		}
	}
	return len(p.skip)
}

// resolve decides about wishes after all users have been read.
func (p *planner) resolve(wishes []Wish) {
	p.byID, p.byEmail = nil, nil
	// Rows for one user must agree. If they do not, all of them fail: nobody can tell which is right.
	said := map[string]int{} // the first wish for each user
	disputed := map[string][]int{}
	for i, w := range wishes {
		key := p.identity(i, w)
		if key == "" || p.skip[i] {
			continue
		}
		first, seen := said[key]
		if !seen {
			said[key] = i
			continue
		}
		if !slices.Equal(p.wanted(wishes[first]), p.wanted(w)) {
			if disputed[key] == nil {
				disputed[key] = []int{wishes[first].Line}
			}
			disputed[key] = append(disputed[key], w.Line)
		}
	}
	for i, w := range wishes {
		if p.skip[i] {
			continue
		}
		key := p.identity(i, w)
		if key == "" {
			p.leave(i, w)
			continue
		}
		user := nobody()
		if len(p.found[i]) > 0 {
			user = p.found[i][0]
		}
		switch lines := disputed[key]; {
		case lines != nil:
			p.add(w, user).fail(codeContradicting, "the lines %s want different things for %s", enumerate(lines), w.name())
		case said[key] != i:
			r := p.add(w, user)
			r.Status, r.Code, r.Message = Skipped, codeDuplicate, fmt.Sprintf("line %d says the same for %s", wishes[said[key]].Line, w.name())
		default:
			p.decide(w, user)
		}
	}
	p.found = nil
}

func enumerate(lines []int) string {
	const most = 10
	texts := make([]string, min(len(lines), most))
	for i := range texts {
		texts[i] = fmt.Sprint(lines[i])
	}
	if len(lines) > most {
		texts = append(texts, "...")
	}
	return strings.Join(texts, ", ")
}

// name returns how the row names the user, for messages.
func (w *Wish) name() string {
	if w.Email != "" {
		return sheet.Visible(w.Email)
	}
	return sheet.Visible(w.ID)
}

// wanted returns what a wish asks for, including --set.
func (p *planner) wanted(w Wish) Values { return w.To.merge(p.options.Set) }

// identity returns a key of the user whom a wish names. It is empty if the wish fails.
func (p *planner) identity(i int, w Wish) string {
	users := p.found[i]
	switch {
	case w.Problem != "" || len(users) > 1:
		return ""
	case p.Action == Invite:
		return emailKey(w.Email)
	case len(users) == 0 || w.ID != "" && w.Email != "" && emailKey(w.Email) != emailKey(users[0].Email):
		return ""
	}
	return users[0].ID
}

// leave adds a row for a wish that fails, with the reason.
func (p *planner) leave(i int, w Wish) {
	users := p.found[i]
	r := p.add(w, nobody())
	switch {
	case w.Problem != "":
		r.fail(codeInvalid, "%s", p.standing.problem(w))
	case len(users) > 1:
		ids := make([]string, len(users))
		for j, u := range users {
			ids[j] = u.ID
		}
		slices.Sort(ids)
		r.fail(codeAmbiguous, "%s is the address of %d users: name one by UserId, %s", w.name(), len(users), strings.Join(ids, " or "))
	// Only now, since a user from an older release may have such an address.
	case len(users) == 0 && p.others[i] == nil && strings.Contains(w.Email, "@") && badAddress(w.Email) != "":
		r.fail(codeInvalid, "%s", badAddress(w.Email))
	case w.ID != "" && w.Email != "" && p.Action != Invite:
		p.disagree(i, w, r)
	case sheet.IsFailure(w.ID), sheet.IsFailure(w.Email):
		r.fail(codeInvalid, "%s is what a spreadsheet says instead of a value", w.name())
	case strings.Contains(w.ID, "@"):
		r.fail(codeUnknown, "no user has the id %s, which is an address: call a column of addresses email, and one of both user", w.name())
	case w.Email != "" && !strings.Contains(w.Email, "@"):
		r.fail(codeUnknown, "no user has the address %s: call a column of ids UserId, and one of both user", w.name())
	default:
		r.fail(codeUnknown, "no user %s is in account %s", w.name(), p.Account)
	}
}

// disagree says which of the two names of a wish, its id and its address, is not that of the user.
func (p *planner) disagree(i int, w Wish, r *Row) {
	byID, byEmail := nobody(), p.others[i]
	if len(p.found[i]) > 0 {
		byID = p.found[i][0]
	}
	id, email := sheet.Visible(w.ID), sheet.Visible(w.Email)
	switch {
	case byID.ID == "" && byEmail == nil:
		r.fail(codeUnknown, "no user of account %s has the id %s or the address %s", p.Account, id, email)
	case byID.ID == "":
		r.fail(codeContradicting, "no user has the id %s; the user with the address %s has the id %s: correct the id, or leave it out", id, email, byEmail.ID)
	case byEmail == nil:
		r.fail(codeContradicting, "user %s has the address %s, and nobody has %s: correct the address, or leave it out", id, sheet.Visible(byID.Email), email)
	default:
		r.fail(codeContradicting, "user %s has the address %s; the user with the address %s has the id %s: correct one of them", id, sheet.Visible(byID.Email), email, byEmail.ID)
	}
}

// add appends a row for a wish.
func (p *planner) add(w Wish, u *User) *Row {
	r := Row{Number: len(p.Rows) + 1, again: w.again, Line: w.Line, User: w.ID, Email: w.Email, To: w.To, Status: Planned, Cells: w.Cells}
	if p.Action == Update {
		r.To = p.wanted(w)
	}
	if u.ID != "" {
		r.User, r.Email = u.ID, u.Email
	}
	if len(p.Rows) == cap(p.Rows) {
		p.Rows = slices.Grow(p.Rows, max(len(p.Rows), 64)) // twice the size: rows are many and large
	}
	p.Rows = append(p.Rows, r)
	return &p.Rows[len(p.Rows)-1]
}

// decide finds out what a resolved wish changes.
func (p *planner) decide(w Wish, u *User) {
	if p.Action == Update {
		w.To = p.wanted(w)
	}
	to := target(p.Action, p.Type, w.To, u)
	if p.Action.readable() && len(to) == 0 {
		p.Same++
		return
	}
	if other := u.differences(p.options.From); len(other) > 0 {
		if w.Line == 0 && w.again == 0 {
			p.Guarded++
			return
		}
		r := p.add(w, u)
		f := other[0].Field
		r.Status, r.Code, r.Message = Skipped, codeGuarded, fmt.Sprintf("%s is %s, not %s", f, show(u.now[f]), show(other[0].Text))
		return
	}
	r := p.add(w, u)
	if problem := badAddress(w.Email); p.Action == Invite && problem != "" {
		r.fail(codeInvalid, "%s", problem)
		return
	}
	from := u.values(to)
	if gone(to) { // afterwards only the record shows the license
		from = from.With(License, u.now[License])
	}
	r.From, r.To = p.share(from), p.share(to)
	p.standing.check(p.Action, r, u)
}

// sharing keeps equal values of several rows once: there are many rows, but few different changes.
type sharing struct{ kept []Values }

func (s *sharing) share(v Values) Values {
	for _, k := range s.kept {
		if slices.Equal(k, v) {
			return k
		}
	}
	if len(s.kept) < 64 {
		s.kept = append(s.kept, v)
	}
	return v
}

// gone reports whether a user with these values has left the account.
func gone(v Values) bool {
	registration, _ := v.Get(Registration)
	return registration == absent
}

// target returns the values that the action gives a user and the user does not have yet.
func target(action Action, accountType string, wanted Values, u *User) Values {
	switch action {
	case Update:
		to := u.differences(wanted)
		// The service clears the Alexa metadata of a device that becomes a private user. The record
		// must have them, so that a rollback can restore them.
		if t, _ := to.Get(UserType); t == privateUser {
			for _, cleared := range [...]Value{{AlexaEnabled, "false"}, {AlexaARN, ""}} {
				if _, given := wanted.Get(cleared.Field); !given && u.now[cleared.Field] != cleared.Text {
					to = to.With(cleared.Field, cleared.Text)
				}
			}
		}
		return to
	case Suspend:
		if accountType == team {
			return u.differences(Values{{Registration, absent}})
		}
		return u.differences(Values{{Registration, suspended}})
	case Unsuspend:
		if u.now[Registration] == suspended {
			return Values{{Registration, registered}}
		}
	case Invite:
		if s := u.now[Invitation]; s != invitePending && s != inviteAccepted {
			return Values{{Invitation, invitePending}}
		}
	}
	return nil
}

// seatCount counts users by license.
type seatCount map[string]int

func (c seatCount) add(license string, n int) {
	if license != "" {
		c[license] += n
	}
}

// after returns the seats before and after the rows that are planned. It does not count users who
// are to be invited: the account decides which license they get.
func (c seatCount) after(rows []Row) []Seats {
	after := seatCount{}
	for l, n := range c {
		after[l] = n
	}
	for i := range rows {
		r := &rows[i]
		if r.Status != Planned {
			continue
		}
		if from, ok := r.From.Get(License); ok {
			to, _ := r.To.Get(License)
			after.add(from, -1)
			after.add(to, 1)
		}
	}
	var out []Seats
	for _, l := range License.enum() {
		if c[l] != 0 || after[l] != 0 {
			out = append(out, Seats{l, c[l], after[l]})
		}
	}
	return out
}

// Revise compares a saved plan with the account and its users as they are now. Rows whose users
// somebody else has changed since fail, and so do those that the service would refuse by now. Rows
// that have become needless are dropped.
func (a *Account) Revise(ctx context.Context, p *Plan) error {
	standing, err := a.ready(ctx, p, p.Action)
	if err != nil {
		return err
	}
	now, err := a.look(ctx, p.Rows, func(r *Row) bool { return r.Status == Planned })
	if err != nil {
		return err
	}
	kept := p.Rows[:0]
	for _, r := range p.Rows {
		if r.Status == Planned && p.Action.readable() {
			switch verdict := now.compare(&r); verdict {
			case reached:
				p.Same++
				continue
			case drifted:
				r.fail(codeDrifted, "%s", now.describe(&r))
			}
		}
		standing.check(p.Action, &r, now.of(&r))
		r.Number = len(kept) + 1
		kept = append(kept, r)
	}
	p.Rows = kept
	p.Members, p.Seats = now.members, now.seats.after(p.Rows)
	return nil
}

// sight is the state of some users at the time they were read.
type sight struct {
	users   map[string]*User // by id, or by address where the row has no id
	members int
	seats   seatCount
	texts
}

func rowKey(r *Row) string {
	if r.User != "" {
		return r.User
	}
	return emailKey(r.Email)
}

// look reads the users of the wanted rows in one pass over the account.
func (a *Account) look(ctx context.Context, rows []Row, wanted func(*Row) bool) (*sight, error) {
	s := &sight{users: map[string]*User{}, seats: seatCount{}}
	for i := range rows {
		if wanted(&rows[i]) {
			s.users[rowKey(&rows[i])] = nil
		}
	}
	return s, a.all(ctx, func(o *document.Object) error {
		u := readUser(o, a.shape)
		a.config.Protected.see(&u)
		s.members++
		s.seats.add(u.now[License], 1)
		s.note(u)
		return nil
	})
}

func (s *sight) note(u User) {
	for _, key := range [...]string{u.ID, emailKey(u.Email)} {
		if _, wanted := s.users[key]; wanted {
			s.users[key] = s.user(u)
		}
	}
}

func (s *sight) of(r *Row) *User {
	if u := s.users[rowKey(r)]; u != nil {
		return u
	}
	return nobody()
}

type verdict int

const (
	untouched verdict = iota // as it was when planned
	reached                  // as it should be
	drifted                  // neither
)

func (s *sight) compare(r *Row) verdict {
	u := s.of(r)
	invitation, invited := r.To.Get(Invitation)
	switch {
	case u.ID == "" && !gone(r.To) && !invited:
		return drifted
	case len(u.differences(r.To)) == 0:
		return reached
	case len(u.differences(r.From)) == 0:
		return untouched
	}
	// An invitation that was accepted in the meantime was made.
	if invitation == invitePending && u.ID != "" && u.now[Invitation] != inviteFailed {
		return reached
	}
	return drifted
}

// describe says how a user differs from what the row expects.
func (s *sight) describe(r *Row) string {
	u := s.of(r)
	if u.ID == "" {
		return "the user is not in the account any more"
	}
	var parts []string
	for _, e := range u.differences(r.From) {
		parts = append(parts, fmt.Sprintf("%s is %s, not %s", e.Field, show(u.now[e.Field]), show(e.Text)))
	}
	return "changed by somebody else: " + strings.Join(parts, ", ")
}

// NewJob returns a name for a job: the time and a few random characters.
func NewJob(now time.Time, random uint32) string {
	return fmt.Sprintf("%s-%06x", now.UTC().Format("20060102-150405"), random&0xFFFFFF)
}
