package console

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/shell"
)

// awsCommand spells the command of aws that makes a call: what the console does can be pasted into
// a shell. Only operations of the API have one.
func (c *Console) awsCommand(name string, input *document.Object) string {
	op := c.Service.Operation(name)
	var b strings.Builder
	b.WriteString("aws " + c.Service.Command + " " + op.Command)
	for _, m := range op.Input.Members {
		value, ok := input.Get(m.Name)
		if !ok {
			continue
		}
		switch value := value.(type) {
		case bool:
			if value {
				b.WriteString(" --" + m.Option)
			} else {
				b.WriteString(" --no-" + m.Option)
			}
		case string:
			if !meansItself(value) {
				return awsCommandOf(c.Service.Command, op.Command, input)
			}
			b.WriteString(" --" + m.Option + " " + shell.Quote(value))
		case document.Number:
			b.WriteString(" --" + m.Option + " " + string(value))
		case []any:
			if texts, ok := allPlain(value); ok {
				b.WriteString(" --" + m.Option + " " + texts)
				break
			}
			b.WriteString(" --" + m.Option + " " + shell.Quote(string(document.AppendCompact(nil, value))))
		default:
			b.WriteString(" --" + m.Option + " " + shell.Quote(string(document.AppendCompact(nil, value))))
		}
	}
	return b.String()
}

// awsCommandOf spells a call whose input is JSON, where aws reads every text as it is.
func awsCommandOf(service, command string, input *document.Object) string {
	return "aws " + service + " " + command + " --cli-input-json " + shell.Quote(string(document.AppendCompact(nil, input)))
}

// meansItself reports whether aws reads the value of an option as it is: not as another option, and
// not as the URL of a file or page that has the value. Nor do control characters, since neither
// pages nor terminals keep all of them.
func meansItself(value string) bool {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return false
	}
	for _, prefix := range []string{"-", "file://", "fileb://", "http://", "https://"} {
		if strings.HasPrefix(value, prefix) {
			return false
		}
	}
	return true
}

// plain are texts that aws takes as they are in a list. It reads others by its shorthand syntax,
// in which commas, equals signs, brackets and quotation marks have a meaning.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// allPlain spells a list of plain texts as words of a shell.
func allPlain(list []any) (string, bool) {
	words := make([]string, len(list))
	for i, v := range list {
		text, ok := v.(string)
		if !ok || !plain.MatchString(text) {
			return "", false
		}
		words[i] = text
	}
	return strings.Join(words, " "), true
}
