package bulk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/nearest"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Where is a condition on a user as it is listed.
type Where struct {
	text       string
	expression *jmespath.Expression
}

// String returns the condition as it was given.
func (w *Where) String() string { return "--where " + sheet.Visible(w.text) }

// holds reports whether a listed user meets the condition.
func (w *Where) holds(user *document.Object) (bool, error) {
	v, err := w.expression.Search(user)
	if err != nil {
		return false, badInput("", 0, "--where: %v", err)
	}
	return jmespath.IsTrue(v), nil
}

// ParseWhere reads a JMESPath expression. To the language, a member that no user has is null and
// differs from everything, so a misspelt name, or a text in double quotes, would choose everybody.
// Such an expression is an [*InputError], as is a comparison that comes out the same for all users.
func ParseWhere(text string) (*Where, error) {
	x, err := jmespath.Compile(text)
	if err != nil {
		return nil, badInput("", 0, "%v", err)
	}
	uses := x.Uses()
	if len(uses) == 0 {
		return nil, badInput("", 0, "it names no member of a user, so it says the same of all; for everybody there is --all")
	}
	for _, use := range uses {
		if problem := misuse(text, use); problem != "" {
			return nil, badInput("", 0, "%s", problem)
		}
	}
	return &Where{text, x}, nil
}

// misuse says what is wrong with a use of a member of a user. It is empty if nothing is.
func misuse(text string, use jmespath.Use) string {
	shape := userShape()
	for i, name := range use.Path {
		m := shape.Member(name)
		if m == nil {
			return unknownMember(text, shape, use.Path[:i], name)
		}
		shape = m.Shape
	}
	path := strings.Join(use.Path, ".")
	for _, value := range use.Compared {
		word, isText := value.(string)
		switch {
		case value == nil: // "has it one?"
		case shape.Kind == model.Boolean && isText:
			return fmt.Sprintf("%s is never equal to the text '%s': it is `true` or `false`, in backquotes", path, sheet.Visible(word))
		case shape.Enum != nil && !slices.Contains(shape.Enum, word):
			problem := fmt.Sprintf("%s is never %s: it is one of %s", path, quoteValue(value), strings.Join(shape.Enum, ", "))
			return problem + didYouMean(word, shape.Enum, "'")
		}
	}
	return ""
}

func unknownMember(text string, shape *model.Shape, path []string, name string) string {
	owner := "a user"
	if len(path) > 0 {
		owner = strings.Join(path, ".")
	}
	problem := fmt.Sprintf("%s has no member %.100q", owner, name)
	names := make([]string, len(shape.Members))
	for i, m := range shape.Members {
		names[i] = m.Name
		if slices.Contains(m.Shape.Enum, name) {
			return problem + fmt.Sprintf("; a text stands in single quotes: '%s'", name)
		}
	}
	problem += didYouMean(name, names, "")
	if strings.Contains(text, `"`) {
		problem += fmt.Sprintf("; double quotes name a member, a text stands in single quotes: '%s'", sheet.Visible(name))
	}
	return problem
}

// didYouMean names the word of a list that comes near to another, in quotes.
func didYouMean(word string, list []string, quote string) string {
	if near := nearest.Of(word, list); near != "" {
		return fmt.Sprintf(" (did you mean %s%s%s?)", quote, near, quote)
	}
	return ""
}

func quoteValue(v any) string {
	if word, ok := v.(string); ok {
		return "'" + sheet.Visible(word) + "'"
	}
	return plain(v)
}
