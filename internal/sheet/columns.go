package sheet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/carillon-project/carillon/internal/nearest"
)

// Column is something that a column of a table may hold. Case, blanks and punctuation of names and
// aliases do not count.
type Column struct {
	Name    string
	Aliases []string
}

// The columns of tables of people, as exports of this program, of directories and of mail systems
// name them. Whoever reads such tables declares some of these.
//
// UserPrincipalName is no alias of PrimaryEmail: it often looks like an address that nobody has.
var (
	UserID       = Column{"UserId", []string{"id"}}
	PrimaryEmail = Column{"PrimaryEmail", []string{
		"email", "mail", "email address", "mail address", "primary email address", "user email", "user email address", "PrimarySmtpAddress",
	}}
	User         = Column{"User", nil} // an id, or an address
	LicenseType  = Column{"LicenseType", []string{"license", "licence", "licence type"}}
	UserType     = Column{"UserType", nil}
	AccountID    = Column{"AccountId", nil}
	DisplayName  = Column{"DisplayName", nil}
	Registration = Column{"UserRegistrationStatus", []string{"RegistrationStatus"}}
	Invitation   = Column{"UserInvitationStatus", []string{"InvitationStatus"}}
	RegisteredOn = Column{"RegisteredOn", nil}
	InvitedOn    = Column{"InvitedOn", nil}
	PhoneNumber  = Column{"PrimaryProvisionedNumber", nil}
	PersonalPIN  = Column{"PersonalPIN", nil}
	AlexaEnabled = Column{"IsAlexaForBusinessEnabled", []string{
		"AlexaForBusinessMetadata.IsAlexaForBusinessEnabled", "AlexaEnabled", "alexa",
	}}
	AlexaRoomARN = Column{"AlexaForBusinessRoomArn", []string{
		"AlexaForBusinessMetadata.AlexaForBusinessRoomArn", "AlexaRoomArn", "AlexaArn",
	}}
)

// Columns finds columns by what a person calls them.
type Columns struct {
	list []Column
	keys map[string]int // of names and aliases
}

// NewColumns declares columns. Their order gives them their numbers, from 0. A column without a
// name is never found.
func NewColumns(list ...Column) *Columns {
	c := &Columns{list, make(map[string]int)}
	for i, column := range list {
		for _, name := range append([]string{column.Name}, column.Aliases...) {
			if k := key(name); k != "" {
				c.keys[k] = i
			}
		}
	}
	return c
}

// Find returns the number of the column that a heading means, -1 if there is none.
func (c *Columns) Find(heading string) int {
	if i, ok := c.keys[key(heading)]; ok {
		return i
	}
	return -1
}

// key is what all spellings of a heading have in common: its letters and digits. What stands in
// brackets after it does not count, as in "Email Address [Required]"; where nothing else is there,
// it does, as in "[Mail]".
func key(heading string) string {
	if start := strings.IndexByte(heading, '['); start >= 0 && strings.TrimFunc(heading[:start], ignored) != "" {
		heading = heading[:start]
	}
	var b strings.Builder
	for _, r := range heading {
		if !ignored(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func ignored(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// Nearest returns the name of the column that somebody may have meant by a heading that Find does
// not know, and nothing if none is near.
func (c *Columns) Nearest(heading string) string {
	word := key(heading)
	name, least := "", 1.0
	for k, i := range c.keys {
		far := nearest.Distance(word, k)
		if far < least || far == least && name != "" && c.list[i].Name < name {
			name, least = c.list[i].Name, far
		}
	}
	return name
}

// Heading is the first row of a table.
type Heading struct {
	Line  int
	Names []string // as they stand in the file, but for blanks around them
	// Columns has the number of the column that each name means, -1 for one that is not known.
	Columns []int
	columns *Columns
}

// newHeading reads a heading. No column may come twice.
func newHeading(row Row, columns *Columns) (Heading, error) {
	h := Heading{row.Line, make([]string, len(row.Cells)), make([]int, len(row.Cells)), columns}
	for i, cell := range row.Cells {
		h.Names[i] = strings.Clone(strings.TrimSpace(cell))
		h.Columns[i] = columns.Find(cell)
		if first := slices.Index(h.Columns[:i], h.Columns[i]); first >= 0 && h.Columns[i] >= 0 {
			return h, wrong(row.Line, "columns %d and %d, %.40q and %.40q, mean the same", first+1, i+1, h.Names[first], h.Names[i])
		}
	}
	return h, nil
}

// Has reports whether the table has a column, by its number.
func (h *Heading) Has(column int) bool { return slices.Contains(h.Columns, column) }

// Unknown is a heading that means no column.
type Unknown struct {
	Name    string // as in the file
	Nearest string // the column that may have been meant, or nothing
}

func (u Unknown) String() string {
	if u.Nearest == "" {
		return fmt.Sprintf("%.40q", u.Name)
	}
	return fmt.Sprintf("%.40q (did you mean %s?)", u.Name, u.Nearest)
}

// Unknown returns the headings that mean no column, in their order. A heading that is blank is
// none.
func (h *Heading) Unknown() []Unknown {
	var list []Unknown
	for i, name := range h.Names {
		if name != "" && h.Columns[i] < 0 {
			list = append(list, Unknown{name, h.columns.Nearest(name)})
		}
	}
	return list
}
