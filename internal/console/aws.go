package console

import (
	"strings"

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
			b.WriteString(" --" + m.Option + " " + shell.Quote(value))
		case document.Number:
			b.WriteString(" --" + m.Option + " " + string(value))
		case []any:
			if texts, ok := allTexts(value); ok {
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

// allTexts spells a list of texts as words of a shell.
func allTexts(list []any) (string, bool) {
	quoted := make([]string, len(list))
	for i, v := range list {
		text, ok := v.(string)
		if !ok || strings.HasPrefix(text, "-") {
			return "", false
		}
		quoted[i] = shell.Quote(text)
	}
	return strings.Join(quoted, " "), true
}
