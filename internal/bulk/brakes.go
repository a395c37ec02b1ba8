package bulk

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/sheet"
)

// BrakeError says why a brake refused a plan. Nothing was sent.
type BrakeError struct{ Text string }

func (e *BrakeError) Error() string { return e.Text }

// Limit is the most changes that a job may make: a number, or a share of the account's users.
// The zero Limit allows any number.
type Limit struct {
	count   int
	percent float64
	text    string
}

// ParseLimit reads "100" or "2.5%".
func ParseLimit(text string) (Limit, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return Limit{}, badInput("", 0, "%q is not a share such as 5%%", text)
		}
		return Limit{percent: v, text: text}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return Limit{}, badInput("", 0, "%q is neither a number of changes nor a share such as 5%%", text)
	}
	return Limit{count: n, text: text}, nil
}

// Check returns a *BrakeError if the plan changes more users than the limit allows.
func (m Limit) Check(p *Plan) error {
	n, most := p.Count(Planned), m.count
	if strings.HasSuffix(m.text, "%") {
		most = int(m.percent * float64(p.Members) / 100)
	}
	if m.text == "" || n <= most {
		return nil
	}
	return &BrakeError{fmt.Sprintf("the job would change %d users, more than the %d that --max-changes %s allows in an account of %d: nothing was changed", n, most, m.text, p.Members)}
}

// Protected are users that no job may touch.
type Protected struct {
	File      string
	MissingOK bool // entries may name nobody in the account

	entries []string       // as they stand in the file, in its order
	lines   []int          // of the entries
	byKey   map[string]int // index of the entry by id or address
	seen    []bool         // which of the entries are users of the account
	looked  bool           // the users of the account were read
}

// ReadProtected reads a file of e-mail addresses and user ids, one per line. The encoding and the
// line ends may be any that package sheet understands. Blank lines and lines that begin with # do
// not count. An entry that can be nobody's name, such as a pattern, is an [*InputError], and so is
// a file that names nobody unless missingOK.
func ReadProtected(r io.Reader, name string, missingOK bool) (*Protected, error) {
	p := &Protected{File: name, MissingOK: missingOK, byKey: map[string]int{}}
	for in := sheet.NewLines(sheet.Decode(r)); ; {
		line, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, inFile(name, err)
		}
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if problem := noEntry(text); problem != "" {
			return nil, badInput(name, in.Number(), "%.100q %s", text, problem)
		}
		key := emailKey(text)
		if _, again := p.byKey[key]; !again {
			p.byKey[key] = len(p.entries)
			p.entries, p.lines = append(p.entries, text), append(p.lines, in.Number())
		}
	}
	p.seen = make([]bool, len(p.entries))
	if len(p.entries) == 0 && !missingOK {
		return nil, badInput(name, 0, "it protects nobody: write an e-mail address or a user id on each line, or give --protect-missing-ok if that is meant")
	}
	return p, nil
}

// noEntry says why a text names no user. It is empty if it may name one.
func noEntry(text string) string {
	switch {
	case strings.ContainsAny(text, ",; \t\""):
		return "is not one e-mail address or user id"
	case sheet.Visible(text) != text:
		return "has a character that cannot be seen: delete it"
	case strings.ContainsAny(text, "*?") || strings.HasPrefix(text, "@"):
		return "is a pattern: name each user on a line, for only these are protected"
	}
	return ""
}

// see notes that a user is in the account.
func (p *Protected) see(u *User) {
	if p == nil {
		return
	}
	p.looked = true
	for _, key := range [...]string{emailKey(u.Email), emailKey(u.ID)} {
		if i, ok := p.byKey[key]; ok {
			p.seen[i] = true
		}
	}
}

// missing returns an *InputError if an entry names nobody in the account: the user whom it is to
// protect may be there under another name.
func (p *Protected) missing(account string) error {
	const most = 5
	var named []string
	line, n := 0, 0
	for i, seen := range p.seen {
		if seen || !p.looked || p.MissingOK {
			continue
		}
		if n++; n == 1 {
			line = p.lines[i]
		}
		if n <= most {
			named = append(named, fmt.Sprintf("%s (line %d)", p.entries[i], p.lines[i]))
		}
	}
	if n == 0 {
		return nil
	}
	if n > most {
		named = append(named, fmt.Sprintf("and %d more", n-most))
	}
	return badInput(p.File, line, "no user of account %s is %s: nothing was changed; correct the file, or give --protect-missing-ok", account, strings.Join(named, ", "))
}

// Check returns a *BrakeError if the plan changes a protected user, and an [*InputError] if an
// entry names nobody in the account. A nil p protects nobody.
func (p *Protected) Check(plan *Plan) error {
	if p == nil {
		return nil
	}
	if err := p.missing(plan.Account); err != nil {
		return err
	}
	var named []string
	const most = 5
	n := 0
	for i := range plan.Rows {
		r := &plan.Rows[i]
		entry, ok := p.byKey[emailKey(r.Email)]
		if !ok {
			entry, ok = p.byKey[emailKey(r.User)]
		}
		if r.Status != Planned && r.Status != Sent || !ok {
			continue
		}
		if n++; n <= most {
			named = append(named, fmt.Sprintf("%s (%s:%d)", r.Name(), p.File, p.lines[entry]))
		}
	}
	if n == 0 {
		return nil
	}
	if n > most {
		named = append(named, "and others")
	}
	return &BrakeError{"the job would change protected users, " + strings.Join(named, ", ") + ": nothing was changed"}
}
