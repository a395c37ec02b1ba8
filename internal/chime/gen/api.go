package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
)

// apiSource writes the service's half of the contract: a Go type for each shape, with the
// code that decodes and validates it or encodes it, depending on which way it travels.
func apiSource(c *contract) []byte {
	g := &apiWriter{goName: map[*model.Shape]string{}}
	inbound, outbound := map[*model.Shape]bool{}, map[*model.Shape]bool{}
	for _, op := range c.service.Operations {
		if op.Input != nil {
			g.goName[op.Input] = op.Name + "Input"
			reach(op.Input, inbound)
		}
		if op.Output != nil {
			g.goName[op.Output] = op.Name + "Output"
			reach(op.Output, outbound)
		}
	}
	g.p(header + "package api\n\nimport (\n\"context\"\n\"time\"\n)\n")
	g.operations(c.service.Operations)
	g.exceptions(c)
	for _, s := range c.shapes {
		if !inbound[s] && !outbound[s] {
			continue
		}
		switch {
		case s.Enum != nil:
			g.enum(s, inbound[s])
		case s.Kind == model.String && inbound[s]:
			g.check(s)
		case s.Kind == model.Integer && inbound[s]:
			g.p("func check%s(n int) string { return checkRange(n, %d, %d) }\n", s.Name, s.Min, s.Max)
		case s.Kind == model.Structure:
			g.structure(s)
			if inbound[s] {
				g.decoder(s)
			}
			if outbound[s] {
				g.encoder(s)
			}
		}
	}
	// Operations without an input or output take and give an empty one.
	for _, op := range c.service.Operations {
		if op.Input == nil {
			g.p("// %sInput is empty.\ntype %sInput struct{}\n\nfunc (*%sInput) decode(d *decoder, r Request) {}\n", op.Name, op.Name, op.Name)
		}
		if op.Output == nil {
			g.p("// %sOutput is empty.\ntype %sOutput struct{}\n\nfunc (*%sOutput) append(b []byte) []byte { return b }\n", op.Name, op.Name, op.Name)
		}
	}
	return g.Bytes()
}

type apiWriter struct {
	bytes.Buffer
	goName map[*model.Shape]string // of the inputs and outputs of operations
}

func (g *apiWriter) p(format string, args ...any) {
	fmt.Fprintf(g, format+"\n", args...)
}

func (g *apiWriter) name(s *model.Shape) string {
	if n, ok := g.goName[s]; ok {
		return n
	}
	return s.Name
}

func (g *apiWriter) isInput(s *model.Shape) bool  { return strings.HasSuffix(g.goName[s], "Input") }
func (g *apiWriter) isOutput(s *model.Shape) bool { return strings.HasSuffix(g.goName[s], "Output") }

func reach(s *model.Shape, seen map[*model.Shape]bool) {
	if seen[s] {
		return
	}
	seen[s] = true
	if s.Element != nil {
		reach(s.Element, seen)
	}
	for _, m := range s.Members {
		reach(m.Shape, seen)
	}
}

func (g *apiWriter) operations(ops []*model.Operation) {
	g.p("// API is the whole service, one method for each operation.\ntype API interface {")
	for _, op := range ops {
		g.p("%s(context.Context, *%sInput) (*%sOutput, error)", op.Name, op.Name, op.Name)
	}
	g.p("}\n")
	g.p(`// Bind returns the handler of an operation on a service. It panics if there is no such operation.
func Bind(service API, operation string) Handler {
	switch operation {`)
	for _, op := range ops {
		g.p("case %q:\nreturn handler(service.%s)", op.Name, op.Name)
	}
	g.p("}\npanic(\"api: no operation \" + operation)\n}\n")
}

// exceptions writes the errors of the contract, with the status and the code that each has on the
// wire.
func (g *apiWriter) exceptions(c *contract) {
	g.p("// The exceptions of the contract.\nconst (")
	for _, x := range c.exceptions {
		g.p("%s Exception = %q", x.name, x.name)
	}
	g.p(")\n")
	g.p("// modeled returns what an exception of the contract has on the wire; 0 for any other exception.")
	g.p("func (x Exception) modeled() (status int, code ErrorCode) {\nswitch x {")
	for _, x := range c.exceptions {
		g.p("case %s:\nreturn %s, ErrorCode%s", x.name, x.status, c.errorCode(x))
	}
	g.p("}\nreturn 0, \"\"\n}\n")
	g.p(`// Exceptions returns those that the contract lists for an operation, in its order.
func Exceptions(operation string) []Exception {
	switch operation {`)
	for _, op := range c.service.Operations {
		g.p("case %q:\nreturn []Exception{%s}", op.Name, strings.Join(c.errors[op.Name], ", "))
	}
	g.p("}\nreturn nil\n}\n")
}

// errorCode returns the code of an exception. The contract does not say which of the codes goes
// with which exception, but the name of the exception begins with it.
func (c *contract) errorCode(x exception) (code string) {
	for _, s := range c.shapes {
		if s.Name != "ErrorCode" {
			continue
		}
		for _, v := range s.Enum {
			if strings.HasPrefix(x.name, v) && len(v) > len(code) {
				code = v
			}
		}
	}
	if code == "" {
		panic(fmt.Sprintf("no ErrorCode is the beginning of %s", x.name))
	}
	return code
}

func (g *apiWriter) enum(s *model.Shape, inbound bool) {
	g.p("// %s is one of the constants below; empty means absent.\ntype %s string\n\nconst (", s.Name, s.Name)
	for _, v := range s.Enum {
		g.p("%s%s %s = %q", s.Name, v, s.Name, v)
	}
	g.p(")\n")
	if !inbound {
		return
	}
	g.p("func check%s(s string) string {\nswitch %s(s) {\ncase ", s.Name, s.Name)
	for i, v := range s.Enum {
		if i > 0 {
			g.p(", ")
		}
		fmt.Fprintf(g, "%s%s", s.Name, v)
	}
	g.p(":\nreturn \"\"\n}\nreturn notOneOf(s, %q)\n}\n", strings.Join(s.Enum, ", "))
}

// nonBlank is the model's way to say that a text must not be blank. It is on the hot path
// (twenty user ids a request), so it is checked without a regular expression.
const nonBlank = `.*\S.*`

func (g *apiWriter) check(s *model.Shape) {
	if s.Pattern != "" && s.Pattern != nonBlank {
		g.p("var pattern%s = pattern(%q)\n", s.Name, s.Pattern)
	}
	g.p("func check%s(s string) string {", s.Name)
	if s.Min != model.Unbounded || s.Max != model.Unbounded {
		g.p("if problem := checkLength(s, %d, %d); problem != \"\" {\nreturn problem\n}", s.Min, s.Max)
	}
	switch s.Pattern {
	case "":
		g.p("return \"\"")
	case nonBlank:
		g.p("return checkNotBlank(s)")
	default:
		g.p("return checkPattern(s, pattern%s, %q)", s.Name, s.Pattern)
	}
	g.p("}\n")
}

func (g *apiWriter) goType(m model.Member) string {
	pointer := "*"
	if m.Required {
		pointer = ""
	}
	switch s := m.Shape; s.Kind {
	case model.String:
		if s.Enum != nil {
			return s.Name
		}
		return pointer + "string"
	case model.Boolean:
		return pointer + "bool"
	case model.Integer:
		return pointer + "int"
	case model.Timestamp:
		return "time.Time"
	case model.List:
		return "[]" + g.elementType(s)
	default:
		return "*" + g.name(s)
	}
}

func (g *apiWriter) elementType(list *model.Shape) string {
	if e := list.Element; e.Kind == model.Structure || e.Enum != nil {
		return g.name(e)
	}
	return "string" // the model has no lists of other kinds; the compiler would notice
}

func (g *apiWriter) structure(s *model.Shape) {
	name := g.name(s)
	switch {
	case g.isInput(s):
		g.p("// %s is what %s takes.", name, strings.TrimSuffix(name, "Input"))
	case g.isOutput(s):
		g.p("// %s is what %s gives.", name, strings.TrimSuffix(name, "Output"))
	default:
		g.p("// %s is a structure of the API.", name)
	}
	g.p("type %s struct {", name)
	for _, m := range s.Members {
		note := ""
		if m.Required {
			note = " // required"
		}
		g.p("%s %s%s", m.Name, g.goType(m), note)
	}
	g.p("}\n")
}

func (g *apiWriter) decoder(s *model.Shape) {
	if g.isInput(s) {
		g.p("func (v *%s) decode(d *decoder, r Request) {", g.name(s))
		inBody := false
		for _, m := range s.Members {
			if m.Location == model.Body {
				inBody = true
				continue
			}
			g.fromURL(m)
		}
		if inBody {
			g.p("d.begin(r.Body)")
			g.members(s)
			g.p("d.end()")
		}
		g.p("}\n")
		return
	}
	g.p("func (v *%s) decode(d *decoder) {", g.name(s))
	g.members(s)
	g.p("}\n")
}

// fromURL decodes a member that is a label of the path or a key of the query.
func (g *apiWriter) fromURL(m model.Member) {
	source, reader := "query", "urlText"
	if m.Location == model.URI {
		source, reader = "label", "labelText"
	}
	read := fmt.Sprintf("d.%s(%q, s, check%s)", reader, m.Name, m.Shape.Name)
	target := "v." + m.Name
	g.p("if s, ok := r.%s(%q); ok {", source, m.WireName)
	switch {
	case m.Shape.Enum != nil:
		g.p("%s = %s(%s)", target, m.Shape.Name, read)
	case m.Shape.Kind == model.Integer:
		g.p("%s = new(d.urlInt(%q, s, check%s))", target, m.Name, m.Shape.Name)
	case m.Required:
		g.p("%s = %s", target, read)
	default:
		g.p("%s = new(%s)", target, read)
	}
	if m.Required {
		g.p("} else {\nd.missingURL(%q)", m.Name)
	}
	g.p("}")
}

// members decodes the members of a JSON object.
func (g *apiWriter) members(s *model.Shape) {
	required := 0
	for _, m := range s.Members {
		if m.Required && m.Location == model.Body {
			required++
		}
	}
	if required > 0 {
		g.p("var seen uint64")
	}
	g.p("if !d.object() {\nreturn\n}\nfor d.more() {\nswitch string(d.key()) {")
	bit := 0
	for _, m := range s.Members {
		if m.Location != model.Body {
			continue
		}
		g.p("case %q:\nif d.absent() {\ncontinue\n}", m.Name)
		if m.Required {
			g.p("seen |= 1 << %d", bit)
			bit++
		}
		g.value(m)
	}
	g.p("default:\nd.skip()\n}\n}\nd.pop()")
	if required > 0 {
		g.p("if seen != 1<<%d-1 {", required)
		bit = 0
		for _, m := range s.Members {
			if m.Required && m.Location == model.Body {
				g.p("if seen&(1<<%d) == 0 {\nd.missing(%q)\n}", bit, m.Name)
				bit++
			}
		}
		g.p("}")
	}
}

func (g *apiWriter) value(m model.Member) {
	target := "v." + m.Name
	set := func(expr string) {
		if !m.Required {
			expr = "new(" + expr + ")"
		}
		g.p("%s = %s", target, expr)
	}
	switch s := m.Shape; s.Kind {
	case model.String:
		if s.Enum != nil {
			g.p("%s = %s(d.text(check%s))", target, s.Name, s.Name)
		} else {
			set(fmt.Sprintf("d.text(check%s)", s.Name))
		}
	case model.Boolean:
		set("d.boolean()")
	case model.Integer:
		set(fmt.Sprintf("d.integer(check%s)", s.Name))
	case model.Structure:
		g.p("%s = new(%s)\n%s.decode(d)", target, g.name(s), target)
	case model.List:
		g.p("%s = []%s{}\nif d.array() {\nfor d.more() {", target, g.elementType(s))
		switch e := s.Element; {
		case e.Kind == model.Structure:
			g.p("var e %s\ne.decode(d)\n%s = append(%s, e)", g.name(e), target, target)
		case e.Enum != nil:
			g.p("%s = append(%s, %s(d.text(check%s)))", target, target, e.Name, e.Name)
		default:
			g.p("%s = append(%s, d.text(check%s))", target, target, e.Name)
		}
		g.p("}\nd.pop()")
		if s.Min != model.Unbounded || s.Max != model.Unbounded {
			g.p("d.count(len(%s), %d, %d)", target, s.Min, s.Max)
		}
		g.p("}")
	default:
		panic(fmt.Sprintf("no decoder for the inbound kind of %s", s.Name))
	}
}

func (g *apiWriter) encoder(s *model.Shape) {
	g.p("func (v *%s) append(b []byte) []byte {", g.name(s))
	if len(s.Members) == 0 && g.isOutput(s) {
		g.p("return b\n}\n")
		return
	}
	g.p("b = append(b, '{')")
	for _, m := range s.Members {
		target := "v." + m.Name
		key := fmt.Sprintf("b = appendKey(b, `%q:`)", m.Name)
		optional := func(condition, value string) {
			if m.Required {
				g.p("%s\n%s", key, value)
				return
			}
			g.p("if %s {\n%s\n%s\n}", condition, key, value)
		}
		scalar := target
		if !m.Required {
			scalar = "*" + target
		}
		switch s := m.Shape; s.Kind {
		case model.String:
			if s.Enum != nil {
				optional(target+` != ""`, fmt.Sprintf("b = appendText(b, string(%s))", target))
			} else {
				optional(target+" != nil", fmt.Sprintf("b = appendText(b, %s)", scalar))
			}
		case model.Boolean:
			optional(target+" != nil", fmt.Sprintf("b = appendBool(b, %s)", scalar))
		case model.Integer:
			optional(target+" != nil", fmt.Sprintf("b = appendInt(b, %s)", scalar))
		case model.Timestamp:
			optional("!"+target+".IsZero()", fmt.Sprintf("b = appendTime(b, %s)", target))
		case model.Structure:
			g.p("if %s != nil {\n%s\nb = %s.append(b)\n}", target, key, target)
		case model.List: // sent even when empty, as the service does
			g.p("%s\nb = append(b, '[')\nfor i := range %s {\nif i > 0 {\nb = append(b, ',')\n}", key, target)
			switch e := s.Element; {
			case e.Kind == model.Structure:
				g.p("b = %s[i].append(b)", target)
			case e.Enum != nil:
				g.p("b = appendText(b, string(%s[i]))", target)
			default:
				g.p("b = appendText(b, %s[i])", target)
			}
			g.p("}\nb = append(b, ']')")
		}
	}
	g.p("return append(b, '}')\n}\n")
}
