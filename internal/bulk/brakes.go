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
	File  string
	lines map[string]int // by id or address
}

// ReadProtected reads a file of e-mail addresses and user ids, one per line. The encoding and the
// line ends may be any that package sheet understands. Blank lines and lines that begin with # do
// not count.
func ReadProtected(r io.Reader, name string) (*Protected, error) {
	p := &Protected{name, map[string]int{}}
	for in := sheet.NewLines(sheet.Decode(r)); ; {
		line, err := in.Next()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return nil, inFile(name, err)
		}
		text := strings.TrimSpace(string(line))
		switch {
		case strings.HasPrefix(text, "#") || text == "":
		case strings.ContainsAny(text, ",; \t\""):
			return nil, badInput(name, in.Number(), "%.60q is not one e-mail address or user id", text)
		default:
			p.lines[emailKey(text)] = in.Number()
		}
	}
}

// Check returns a *BrakeError if the plan changes a protected user. A nil p protects nobody.
func (p *Protected) Check(plan *Plan) error {
	if p == nil {
		return nil
	}
	var named []string
	const most = 5
	n := 0
	for i := range plan.Rows {
		r := &plan.Rows[i]
		line := p.lines[emailKey(r.Email)]
		if line == 0 {
			line = p.lines[emailKey(r.User)]
		}
		if r.Status != Planned && r.Status != Sent || line == 0 {
			continue
		}
		if n++; n <= most {
			named = append(named, fmt.Sprintf("%s (%s:%d)", r.Name(), p.File, line))
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
