package console

import (
	"html/template"
	"strconv"
	"strings"
)

// bar draws parts of a whole as a bar, in the colors b1, b2, ... of the style sheet. It says
// nothing to those who do not see it: the numbers must be beside it.
func bar(parts []int) template.HTML {
	sum := 0
	for _, n := range parts {
		sum += n
	}
	if sum == 0 {
		return ""
	}
	const width = 1000
	var b strings.Builder
	b.WriteString(`<svg class="bar" viewBox="0 0 ` + strconv.Itoa(width) + ` 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">`)
	before := 0
	for i, n := range parts {
		from, to := before*width/sum, (before+n)*width/sum
		before += n
		if n > 0 {
			b.WriteString(`<rect class="b` + strconv.Itoa(i+1) + `" x="` + strconv.Itoa(from) + `" width="` + strconv.Itoa(max(1, to-from)) + `" height="10"/>`)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
