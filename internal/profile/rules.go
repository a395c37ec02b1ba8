package profile

import (
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// A service may say by rules where its endpoints are: a tree of conditions that ends in an endpoint
// or in an error. The rules of the built-in services say what defaultEndpoint does; those of a
// custom model are evaluated here.

// Parameters that settings know, by the names that all services have for them.
const (
	accountID   = "AWS::Auth::AccountId"
	accountMode = "AWS::Auth::AccountIdEndpointMode"
)

// ruled returns the endpoint that rules say. What an operation tells comes before what the settings
// know.
func ruled(rules, region string, fips, dualStack bool, told map[string]any) (Endpoint, error) {
	v, err := document.Parse(rules)
	root, ok := v.(*document.Object)
	if err != nil || !ok {
		return Endpoint{}, errorf("the endpoint rules of the model are not a JSON object")
	}
	r := &ruleSet{values: map[string]any{}}
	for _, p := range child(root, "parameters").Members() {
		parameter, _ := p.Value.(*document.Object)
		value, _ := parameter.Get("default")
		switch parameter.Text("builtIn") {
		case "AWS::Region":
			value = region
		case "AWS::UseFIPS":
			value = fips
		case "AWS::UseDualStack":
			value = dualStack
		case accountID, accountMode:
			if known := told[parameter.Text("builtIn")]; known != nil {
				value = known
			}
		}
		if given := told[p.Key]; given != nil {
			value = given
		}
		if value != nil {
			r.values[p.Key] = value
		}
	}
	e, found, err := r.first(root, 0)
	if err == nil && !found {
		err = errorf("the endpoint rules of the model have no endpoint for the region %q", region)
	}
	if e.SigningRegion == "" {
		e.SigningRegion = region
	}
	return e, err
}

type ruleSet struct {
	values map[string]any // of parameters, and what conditions have assigned
}

// maxRuleDepth bounds the nesting of rules.
const maxRuleDepth = 100

// first returns what the first of the rules of o says whose conditions hold.
func (r *ruleSet) first(o *document.Object, depth int) (e Endpoint, found bool, err error) {
	if depth > maxRuleDepth {
		return e, false, errorf("the endpoint rules of the model are nested too deeply")
	}
	list, _ := o.Get("rules")
	rules, _ := list.([]any)
	for _, v := range rules {
		rule, _ := v.(*document.Object)
		if rule == nil {
			continue
		}
		holds, err := r.hold(rule)
		if err != nil {
			return e, false, err
		}
		if !holds {
			continue
		}
		switch rule.Text("type") {
		case "error":
			v, _ := rule.Get("error")
			text, err := r.text(v)
			if err != nil {
				return e, false, err
			}
			return e, false, Error(text)
		case "endpoint":
			e, err = r.endpoint(child(rule, "endpoint"))
			return e, true, err
		}
		if e, found, err = r.first(rule, depth+1); found || err != nil {
			return e, found, err
		}
	}
	return e, false, nil
}

// hold reports whether all conditions of a rule do. What they assign stays.
func (r *ruleSet) hold(rule *document.Object) (bool, error) {
	list, _ := rule.Get("conditions")
	conditions, _ := list.([]any)
	for _, v := range conditions {
		condition, _ := v.(*document.Object)
		value, err := r.call(condition, 0)
		if err != nil {
			return false, err
		}
		if value == nil || value == false {
			return false, nil
		}
		if name := condition.Text("assign"); name != "" {
			r.values[name] = value
		}
	}
	return true, nil
}

func (r *ruleSet) endpoint(o *document.Object) (e Endpoint, err error) {
	v, _ := o.Get("url")
	if e.URL, err = r.text(v); err != nil {
		return e, err
	}
	e.URL = strings.TrimSuffix(e.URL, "/")
	for _, m := range child(o, "headers").Members() {
		values, _ := m.Value.([]any)
		for _, v := range values {
			text, err := r.text(v)
			if err != nil {
				return e, err
			}
			if e.Header == nil {
				e.Header = map[string][]string{}
			}
			e.Header[m.Key] = append(e.Header[m.Key], text)
		}
	}
	list, _ := child(o, "properties").Get("authSchemes")
	schemes, _ := list.([]any)
	for _, v := range schemes {
		scheme, _ := v.(*document.Object)
		if scheme.Text("name") != "sigv4" {
			continue
		}
		if e.SigningRegion, err = r.template(scheme.Text("signingRegion")); err != nil {
			return e, err
		}
		e.SigningName, err = r.template(scheme.Text("signingName"))
		return e, err
	}
	return e, nil
}

// text evaluates what must be a text.
func (r *ruleSet) text(v any) (string, error) {
	v, err := r.value(v, 0)
	s, ok := v.(string)
	if err == nil && !ok {
		err = errorf("the endpoint rules of the model have %s where a text is needed", document.Repr(plainValue(v)))
	}
	return s, err
}

// value evaluates an argument: a reference, a call, a template or a literal.
func (r *ruleSet) value(v any, depth int) (any, error) {
	switch v := v.(type) {
	case string:
		return r.template(v)
	case *document.Object:
		if name := v.Text("ref"); name != "" {
			return r.values[name], nil
		}
		return r.call(v, depth)
	}
	return v, nil
}

// template replaces {Name} and {Name#path} in a text.
func (r *ruleSet) template(text string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", errorf("the endpoint rules of the model have a { without a }")
		}
		name, path, deep := strings.Cut(name, "#")
		value := r.values[name]
		if deep {
			value = attribute(value, path)
		}
		s, ok := value.(string)
		if !ok {
			return "", errorf("the endpoint rules of the model name {%s}, which is not a text", name)
		}
		b.WriteString(s)
		text = rest
	}
}

// record is a value with named parts, such as a partition.
type record map[string]any

func plainValue(v any) any {
	if _, ok := v.(record); ok {
		return "a record"
	}
	return v
}

// attribute returns a part of a value: "name", "list[0]", "a.b".
func attribute(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		if name != "" {
			fields, _ := v.(record)
			v = fields[name]
		}
		if indexed {
			list, _ := v.([]string)
			n := 0
			for _, digit := range index {
				n = n*10 + int(digit-'0')
			}
			if n < 0 || n >= len(list) {
				return nil
			}
			v = list[n]
		}
	}
	return v
}

// call calls the function of a condition.
func (r *ruleSet) call(o *document.Object, depth int) (any, error) {
	if depth > maxRuleDepth {
		return nil, errorf("the endpoint rules of the model are nested too deeply")
	}
	list, _ := o.Get("argv")
	argv, _ := list.([]any)
	args := make([]any, 4)
	for i := range min(len(argv), len(args)) {
		v, err := r.value(argv[i], depth+1)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	text := func(i int) string { s, _ := args[i].(string); return s }
	truth := func(i int) bool { b, _ := args[i].(bool); return b }
	number := func(i int) int { n, _ := args[i].(document.Number); return int(n.Float64()) }
	switch name := o.Text("fn"); name {
	case "isSet":
		return args[0] != nil, nil
	case "not":
		return !truth(0), nil
	case "getAttr":
		return attribute(args[0], text(1)), nil
	case "stringEquals", "booleanEquals":
		return args[0] != nil && plainValue(args[0]) == plainValue(args[1]), nil
	case "substring":
		s, from, to := text(0), number(1), number(2)
		if truth(3) {
			from, to = len(s)-to, len(s)-from
		}
		if from < 0 || from >= to || to > len(s) || strings.ContainsFunc(s, func(r rune) bool { return r > 0x7F }) {
			return nil, nil
		}
		return s[from:to], nil
	case "uriEncode":
		return strings.ReplaceAll(url.QueryEscape(text(0)), "+", "%20"), nil
	case "isValidHostLabel", "aws.isVirtualHostableS3Bucket":
		labels := []string{text(0)}
		if truth(1) {
			labels = strings.Split(text(0), ".")
		}
		for _, label := range labels {
			if !isLabel(label) {
				return false, nil
			}
		}
		return true, nil
	case "parseURL":
		u, err := url.Parse(text(0))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
			return nil, nil
		}
		path := u.EscapedPath()
		normal := path
		if !strings.HasSuffix(normal, "/") {
			normal += "/"
		}
		return record{"scheme": u.Scheme, "authority": u.Host, "path": path, "normalizedPath": normal, "isIp": strings.Trim(u.Hostname(), "0123456789.:") == ""}, nil
	case "aws.partition":
		p := partitionOf(text(0))
		if p.name == "" {
			p.name = "aws"
		}
		return record{"name": p.name, "dnsSuffix": p.suffix, "dualStackDnsSuffix": p.dualStack, "supportsFIPS": true, "supportsDualStack": true,
			"implicitGlobalRegion": p.implicit}, nil
	case "aws.parseArn":
		parts := strings.SplitN(text(0), ":", 6)
		if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
			return nil, nil
		}
		return record{"partition": parts[1], "service": parts[2], "region": parts[3], "accountId": parts[4],
			"resourceId": strings.FieldsFunc(parts[5], func(r rune) bool { return r == ':' || r == '/' })}, nil
	default:
		return nil, errorf("the endpoint rules of the model call %q, which is unknown", name)
	}
}

func child(o *document.Object, key string) *document.Object {
	v, _ := o.Get(key)
	if m, ok := v.(*document.Object); ok {
		return m
	}
	return new(document.Object)
}
