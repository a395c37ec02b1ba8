package jmespath

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// function is what a function of the language accepts. What it does is in search.apply.
type function struct {
	name string
	// params are the types of the arguments that are checked: one or more per argument, as
	// they are listed in messages, or none for any type. "array-string" is an array of strings.
	params [][]string
	// variadic functions take one argument or more.
	variadic bool
}

var functions = [...]function{
	{"abs", [][]string{{"number"}}, false},
	{"avg", [][]string{{"array-number"}}, false},
	{"ceil", [][]string{{"number"}}, false},
	{"contains", [][]string{{"array", "string"}, {}}, false},
	{"ends_with", [][]string{{"string"}, {"string"}}, false},
	{"floor", [][]string{{"number"}}, false},
	{"join", [][]string{{"string"}, {"array-string"}}, false},
	{"keys", [][]string{{"object"}}, false},
	{"length", [][]string{{"string", "array", "object"}}, false},
	{"map", [][]string{{"expref"}, {"array"}}, false},
	{"max", [][]string{{"array-number", "array-string"}}, false},
	{"max_by", [][]string{{"array"}, {"expref"}}, false},
	{"merge", [][]string{{"object"}}, true},
	{"min", [][]string{{"array-number", "array-string"}}, false},
	{"min_by", [][]string{{"array"}, {"expref"}}, false},
	{"not_null", [][]string{{}}, true},
	{"reverse", [][]string{{"array", "string"}}, false},
	{"sort", [][]string{{"array-string", "array-number"}}, false},
	{"sort_by", [][]string{{"array"}, {"expref"}}, false},
	{"starts_with", [][]string{{"string"}, {"string"}}, false},
	{"sum", [][]string{{"array-number"}}, false},
	{"to_array", [][]string{{}}, false},
	{"to_number", [][]string{{}}, false},
	{"to_string", [][]string{{}}, false},
	{"type", [][]string{{}}, false},
	{"values", [][]string{{"object"}}, false},
}

// lookup returns the function of that name, or nil.
func lookup(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

// call evaluates a function over v. Errors of the arguments come first, then an unknown
// name, then the number of arguments, then their types.
func (s *search) call(n *node, v any) (any, error) {
	args := make([]any, len(n.operands))
	for i, operand := range n.operands {
		var err error
		if args[i], err = s.eval(operand, v); err != nil {
			return nil, err
		}
	}
	f := n.function
	if f == nil {
		return nil, failuref("Unknown function: %s()", n.name)
	}
	if err := f.checkCount(len(args)); err != nil {
		return nil, err
	}
	for i, types := range f.params {
		if err := f.check(args[i], types); err != nil {
			return nil, err
		}
	}
	return s.apply(f, args)
}

func (f *function) checkCount(n int) error {
	want := len(f.params)
	if n == want || f.variadic && n > want {
		return nil
	}
	least, plural := "", "s"
	if f.variadic {
		least = "at least "
	}
	if want == 1 {
		plural = ""
	}
	return failuref("Expected %s%d argument%s for function %s(), received %d", least, want, plural, f.name, n)
}

// check reports whether v is of one of the types. The elements of an array must all be of
// the type that fits the first.
func (f *function) check(v any, types []string) error {
	if len(types) == 0 {
		return nil
	}
	var elements []string // types that the elements may have
	accepted := false
	for _, t := range types {
		t, element, has := strings.Cut(t, "-")
		accepted = accepted || t == typeName(v)
		if has {
			elements = append(elements, element)
		}
	}
	if !accepted {
		return f.wrongType(v, typeName(v), types)
	}
	list, _ := v.([]any)
	if len(elements) > 1 && len(list) > 0 {
		if t := typeName(list[0]); slices.Contains(elements, t) {
			elements = []string{t}
		}
	}
	if len(elements) == 0 {
		return nil
	}
	for _, e := range list {
		if !slices.Contains(elements, typeName(e)) {
			return f.wrongType(e, classOf(e), types)
		}
	}
	return nil
}

func (f *function) wrongType(v any, got string, want []string) error {
	return failuref("In function %s(), invalid type for value: %s, expected one of: ['%s'], received: \"%s\"",
		f.name, str(v), strings.Join(want, "', '"), got)
}

// apply evaluates f over arguments whose number and types have been checked.
func (s *search) apply(f *function, args []any) (any, error) {
	arg := args[0]
	switch f.name {
	case "abs":
		return document.Number(strings.TrimPrefix(string(arg.(document.Number)), "-")), nil
	case "avg":
		return average(arg.([]any))
	case "ceil":
		return round(arg.(document.Number), math.Ceil)
	case "contains":
		return s.contains(arg, args[1])
	case "ends_with":
		return strings.HasSuffix(arg.(string), args[1].(string)), nil
	case "floor":
		return round(arg.(document.Number), math.Floor)
	case "join":
		return s.join(arg.(string), args[1].([]any))
	case "keys":
		members := arg.(*document.Object).Members()
		list := make([]any, len(members))
		for i, m := range members {
			list[i] = m.Key
		}
		return list, nil
	case "length":
		switch v := arg.(type) {
		case string:
			return document.Int(python.Len(v)), nil
		case []any:
			return document.Int(len(v)), nil
		}
		return document.Int(arg.(*document.Object).Len()), nil
	case "map":
		return s.each(args[1].([]any), func(e any) (any, error) { return s.eval(arg.(*node), e) })
	case "max":
		return s.extreme(arg.([]any), gt, itself)
	case "max_by":
		return s.extreme(arg.([]any), gt, s.keyOf(f, args[1], "number", "string"))
	case "merge":
		return f.merge(args)
	case "min":
		return s.extreme(arg.([]any), lt, itself)
	case "min_by":
		return s.extreme(arg.([]any), lt, s.keyOf(f, args[1], "number", "string"))
	case "not_null":
		for _, v := range args {
			if v != nil {
				return v, nil
			}
		}
		return nil, nil
	case "reverse":
		if v, ok := arg.(string); ok {
			return reversed(v), nil
		}
		list := slices.Clone(arg.([]any))
		slices.Reverse(list)
		return list, nil
	case "sort":
		list := arg.([]any)
		return sorted(list, list), nil
	case "sort_by":
		return s.sortBy(f, arg.([]any), args[1])
	case "starts_with":
		return strings.HasPrefix(arg.(string), args[1].(string)), nil
	case "sum":
		return sum(arg.([]any))
	case "to_array":
		if _, ok := arg.([]any); ok {
			return arg, nil
		}
		return []any{arg}, nil
	case "to_number":
		switch v := arg.(type) {
		case document.Number:
			return v, nil
		case string:
			if n, ok := parseNumber(v); ok {
				return n, nil
			}
		}
		return nil, nil
	case "to_string":
		if _, ok := arg.(string); ok {
			return arg, nil
		}
		b, err := s.appendJSON(nil, arg)
		return string(b), err
	case "type":
		if _, ok := arg.(*node); ok {
			return nil, nil
		}
		return typeName(arg), nil
	case "values":
		return values(arg.(*document.Object)), nil
	}
	panic("jmespath: " + f.name + " is listed but does nothing")
}

func (s *search) contains(in, what any) (any, error) {
	if text, ok := in.(string); ok {
		part, ok := what.(string)
		if !ok {
			return nil, failuref("'in <string>' requires string as left operand, not %s", classOf(what))
		}
		return strings.Contains(text, part), nil
	}
	for _, e := range in.([]any) {
		if equal, err := s.equal(e, what); equal || err != nil {
			return equal, err
		}
	}
	return false, nil
}

func (s *search) join(separator string, list []any) (any, error) {
	size := 0
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.(string)
		size += len(parts[i]) + len(separator)
	}
	if err := s.spend(size / bytesPerElement); err != nil {
		return nil, err
	}
	return strings.Join(parts, separator), nil
}

// merge looks at its other arguments here, for only the first has a type in the signature.
func (f *function) merge(args []any) (any, error) {
	merged := new(document.Object)
	for _, arg := range args {
		o, ok := arg.(*document.Object)
		if !ok {
			return nil, f.wrongType(arg, typeName(arg), f.params[0])
		}
		for _, m := range o.Members() {
			merged.Set(m.Key, m.Value)
		}
	}
	return merged, nil
}

// each returns what f makes of the elements of list, nulls included.
func (s *search) each(list []any, f func(any) (any, error)) ([]any, error) {
	if err := s.spend(len(list)); err != nil {
		return nil, err
	}
	result := make([]any, len(list))
	for i, e := range list {
		var err error
		if result[i], err = f(e); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// extreme returns the first element whose key is above (gt) or below (lt) all others, or
// null for an empty list. Keys are made and compared one by one, so that the first element
// at fault is the one that the error is about.
func (s *search) extreme(list []any, comparator kind, key func(any) (any, error)) (any, error) {
	if err := s.spend(len(list)); err != nil {
		return nil, err
	}
	want := less
	if comparator == gt {
		want = greater
	}
	var best, bestKey any
	for i, e := range list {
		k, err := key(e)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			o, ok := order(k, bestKey)
			if !ok {
				return nil, noOrder(comparator, k, bestKey)
			}
			if o != want {
				continue
			}
		}
		best, bestKey = e, k
	}
	return best, nil
}

func itself(v any) (any, error) { return v, nil }

// keyOf returns a function that evaluates key over an element; the result must be of one of
// the types.
func (s *search) keyOf(f *function, key any, types ...string) func(any) (any, error) {
	return func(e any) (any, error) {
		k, err := s.eval(key.(*node), e)
		if err == nil && !slices.Contains(types, typeName(k)) {
			err = f.wrongType(k, typeName(k), types)
		}
		return k, err
	}
}

// sorted returns the elements of list in the order of their keys, equal ones as they were.
func sorted(list, keys []any) []any {
	places := make([]int, len(list))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		if o, ok := order(keys[i], keys[j]); ok && o != unordered {
			return int(o)
		}
		return 0
	})
	result := make([]any, len(list))
	for i, place := range places {
		result[i] = list[place]
	}
	return result
}

func (s *search) sortBy(f *function, list []any, key any) (any, error) {
	if len(list) == 0 {
		return list, nil
	}
	first, err := s.eval(key.(*node), list[0])
	if err != nil {
		return nil, err
	}
	if !hasOrder(first) {
		return nil, f.wrongType(list[0], typeName(first), []string{"string", "number"})
	}
	keys, err := s.each(list, s.keyOf(f, key, typeName(first)))
	if err != nil {
		return nil, err
	}
	return sorted(list, keys), nil
}

// sum adds integers exactly, and from the first float on as floats.
func sum(list []any) (document.Number, error) {
	whole := new(big.Int)
	for i, e := range list {
		n, ok := e.(document.Number).BigInt()
		if ok {
			whole.Add(whole, n)
			continue
		}
		total, err := toFloat(document.Number(whole.String()))
		if err != nil {
			return "", err
		}
		for _, e := range list[i:] {
			f, err := toFloat(e.(document.Number))
			if err != nil {
				return "", err
			}
			total += f
		}
		return document.Float(total), nil
	}
	return document.Number(whole.String()), nil
}

func toFloat(n document.Number) (float64, error) {
	f := n.Float64()
	if n.IsInt() && math.IsInf(f, 0) {
		return 0, failure("int too large to convert to float")
	}
	return f, nil
}

func average(list []any) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	total, err := sum(list)
	if err != nil {
		return nil, err
	}
	whole, ok := total.BigInt()
	if !ok {
		return document.Float(total.Float64() / float64(len(list))), nil
	}
	f, _ := new(big.Rat).SetFrac(whole, big.NewInt(int64(len(list)))).Float64()
	if math.IsInf(f, 0) {
		return nil, failure("integer division result too large for a float")
	}
	return document.Float(f), nil
}

// round makes an integer of a number, by f where it is a float.
func round(n document.Number, f func(float64) float64) (any, error) {
	if n.IsInt() {
		return n, nil
	}
	i, err := python.TruncateFloat(f(n.Float64()))
	if err != nil {
		return nil, failure(err.Error())
	}
	return document.Number(i), nil
}

// parseNumber reads a text as an integer, or if it is none as a float: also one with too many
// digits for an integer.
func parseNumber(s string) (document.Number, bool) {
	if n, err := python.ParseInt(s); err == nil {
		return document.Number(n), true
	}
	f, err := python.ParseFloat(s)
	return document.Float(f), err == nil
}
