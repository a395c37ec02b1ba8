package output

import (
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// truthy reports whether Python takes v for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case document.Number:
		return v.Float64() != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *document.Object:
		return v.Len() > 0
	}
	panic("output: not a value")
}

// upper is Python's upper for any key in use: of the letters that become several when they
// are raised, only the German one is looked after.
func upper(s string) string {
	return strings.ReplaceAll(strings.ToUpper(document.Spell(s)), "ß", "SS")
}
