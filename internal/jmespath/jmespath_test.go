package jmespath_test

import (
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
)

// office is the document that the queries below are asked of.
const office = `{
	"rooms": [
		{"name": "Attic", "seats": 4, "tags": ["quiet", "warm"], "floor": {"level": 3, "lift": false}},
		{"name": "Cellar", "seats": 12, "tags": [], "floor": {"level": -1, "lift": true}},
		{"name": "Ballroom", "seats": 4, "tags": ["loud"]},
		{"name": "Émile", "seats": 2.5, "tags": ["quiet", ["deep", ["deeper"]]], "floor": {"level": 1}}
	],
	"staff": {"zoe": {"age": 31}, "adam": {"age": 47}, "mia": {"age": 19, "night": true}},
	"grid": [[1, 2], [3, [4, 5]], 6],
	"digits": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
	"words": ["pear", "Fig", "apple", "éclair"],
	"a b": "spaced",
	"zero": 0, "one": 1, "yes": true, "no": false, "nothing": null,
	"blank": "", "none": [], "bare": {}
}`

func parse(t testing.TB, text string) any {
	t.Helper()
	v, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ask returns the result of a query as JSON.
func ask(doc any, query string) (string, error) {
	x, err := jmespath.Compile(query)
	if err != nil {
		return "", err
	}
	v, err := x.Search(doc)
	if err != nil {
		return "", err
	}
	return string(document.AppendCompact(nil, v)), nil
}

var searches = map[string][]struct{ query, want string }{
	"paths": {
		{"one", "1"},
		{" one\n", "1"},
		{"absent", "null"},
		{"rooms.name", "null"},
		{"one.two.three", "null"},
		{"staff.mia.age", "19"},
		{`"a b"`, `"spaced"`},
		{`"\u006fne"`, "1"},
		{`staff."zoe"."age"`, "31"},
		{"@.one", "1"},
		{"(staff).zoe", `{"age": 31}`},
		{"rooms[1].floor.level", "-1"},
		{"rooms[-1].name", `"\u00c9mile"`},
		{"rooms[4]", "null"},
		{"rooms[-5]", "null"},
		{"rooms[99999999999999999999]", "null"},
		{"digits[007]", "7"},
		{"staff[0]", "null"},
		{"grid[1][1][0]", "4"},
	},
	"slices": {
		{"digits[2:5]", "[2, 3, 4]"},
		{"digits[:3]", "[0, 1, 2]"},
		{"digits[7:]", "[7, 8, 9]"},
		{"digits[-2:]", "[8, 9]"},
		{"digits[:-8]", "[0, 1]"},
		{"digits[::4]", "[0, 4, 8]"},
		{"digits[::-3]", "[9, 6, 3, 0]"},
		{"digits[3::-1]", "[3, 2, 1, 0]"},
		{"digits[3:0:-1]", "[3, 2, 1]"},
		{"digits[-100:2]", "[0, 1]"},
		{"digits[8:99999999999999999999]", "[8, 9]"},
		{"digits[::99999999999999999999]", "[0]"},
		{"digits[::-99999999999999999999]", "[9]"},
		{"digits[5:2]", "[]"},
		{"words[0:2]", `["pear", "Fig"]`},
		{"blank[1:]", "null"},
		{"nothing[::0]", "null"},
		{"rooms[:2].name", `["Attic", "Cellar"]`},
		{"grid[:2][0]", "[1, 3]"},
		{"grid[1][0:]", "[3, [4, 5]]"},
		{"[grid][0][0:2][0]", "[1, 2]"}, // no projection after an index
	},
	"projections": {
		{"rooms[*].name", `["Attic", "Cellar", "Ballroom", "\u00c9mile"]`},
		{"rooms[*].floor.lift", "[false, true]"}, // nulls are left out
		{"staff[*]", "null"},
		{"staff.*.age", "[31, 47, 19]"},
		{"staff.*", `[{"age": 31}, {"age": 47}, {"age": 19, "night": true}]`},
		{"rooms.*", "null"},
		{"*.mia.age", "[19]"},
		{"rooms[*].tags[0]", `["quiet", "loud", "quiet"]`},
		{"rooms[*].tags | [0]", `["quiet", "warm"]`},
		{"(rooms[*].name)[0]", `"Attic"`},
		{"rooms[*].[name, seats][]", `["Attic", 4, "Cellar", 12, "Ballroom", 4, "\u00c9mile", 2.5]`},
		{"grid[]", "[1, 2, 3, [4, 5], 6]"},
		{"grid[][]", "[1, 2, 3, 4, 5, 6]"},
		{"rooms[].tags[]", `["quiet", "warm", "loud", "quiet", ["deep", ["deeper"]]]`},
		{"staff[]", "null"},
		{"none[*].x", "[]"},
		{"none[]", "[]"},
		{"staff.*.age | [1]", "47"},
		{"[*]", "null"},
		{"[]", "null"},
	},
	"filters": {
		{"rooms[?seats == `4`].name", `["Attic", "Ballroom"]`},
		{"rooms[?floor.lift].name", `["Cellar"]`},
		{"rooms[?!floor].name", `["Ballroom"]`},
		{"rooms[?seats > `3` && tags].name", `["Attic", "Ballroom"]`},
		{"rooms[?seats < `3` || floor.lift].name | [0]", `"Cellar"`},
		{"rooms[?name < 'B'].name", `["Attic"]`},
		{"rooms[?contains(tags, 'quiet')].floor.level", "[3, 1]"},
		{"rooms[?tags[?@ == 'loud']].name", `["Ballroom"]`},
		{"grid[?@ == `6`]", "[6]"},
		{"grid[?type(@) == 'array'][]", "[1, 2, 3, [4, 5]]"},
		{"staff[?age]", "null"},
		{"rooms[?seats].tags[?@ == 'warm']", "[]"}, // the second filters what the first gives
	},
	"truth": {
		{"yes && one", "1"},
		{"no || one", "1"},
		{"nothing || blank || none || bare || no", "false"},
		{"bare && one", "{}"},
		{"zero || one", "0"}, // every number is true
		{"`0.0` && yes", "true"},
		{"!zero", "false"},
		{"!none", "true"},
		{"!!one", "true"},
		{"!absent", "true"},
	},
	"comparisons": {
		{"one == `1.0`", "true"},
		{"one != `1`", "false"},
		{"one == yes", "false"},
		{"yes != one", "true"},
		{"zero == no", "false"},
		{"[yes] == [one]", "true"}, // as in Python, but only inside
		{"`[1, {\"a\": 2, \"b\": null}]` == `[1.0, {\"b\": null, \"a\": 2}]`", "true"},
		{"`{\"a\": 1}` == `{\"b\": 1}`", "false"},
		{"`[1]` == `[1, 2]`", "false"},
		{"absent == nothing", "true"},
		{"'1' == one", "false"},
		{"one < `2`", "true"},
		{"one >= `1.0`", "true"},
		{"one <= zero", "false"},
		{"`2.5` > `2`", "true"},
		{"'abc' < 'abd'", "true"},
		{"'Z' >= 'a'", "false"},
		{"'é' > 'z'", "true"},
		{"yes < one", "null"},
		{"none < none", "null"},
		{"nothing >= one", "null"},
		{"`NaN` == `NaN`", "false"},
		{"`NaN` <= `1`", "false"},
		{"`9007199254740993` > `9007199254740992.0`", "true"},
		{"`9007199254740993` == `9007199254740992.0`", "false"},
		{"`1e400` > `99999999999999999999999999`", "true"},
	},
	"precedence": {
		{"yes || no && no", "true"},
		{"(yes || no) && no", "false"},
		{"one == `1` && zero == `0`", "true"},
		{"!one == `1`", "false"},
		{"!(one == `2`)", "true"},
		{"nothing || rooms[0].name | length(@)", "5"},
		{"absent | one || 'x'", `"x"`},
		{"one == `1` == yes", "true"},
		{"one < `2` == yes", "true"},
		{"rooms[*].seats == `4`", "false"}, // a comparison ends the projection
	},
	"multi-select": {
		{"staff.mia.[age, night, x]", "[19, true, null]"},
		{"staff.mia.{z: age, a: night, m: x}", `{"z": 19, "a": true, "m": null}`},
		{"rooms[:2].{Name: name, \"two words\": floor.level}",
			`[{"Name": "Attic", "two words": 3}, {"Name": "Cellar", "two words": -1}]`},
		{"absent.[age]", "null"},
		{"absent.{a: age}", "null"},
		{"[one, {b: zero}, `[]`]", `[1, {"b": 0}, []]`},
		{"{a: one, a: zero}", `{"a": 0}`},
		{"{a: one b: zero}", `{"a": 1, "b": 0}`}, // the comma may be missing
		{"staff.*.[age][0]", "[31]"},             // the index is of the projection, not in it
	},
	"literals": {
		{"'it\\'s \\n raw'", `"it's \\n raw"`},
		{"''", `""`},
		{"`\"json \\u00e9\"`", `"json \u00e9"`},
		{"`{\"b\": 1, \"a\": [1.50, 1e3, -0, null]}`", `{"b": 1, "a": [1.5, 1000.0, 0, null]}`},
		{"`123456789012345678901234567890`", "123456789012345678901234567890"},
		{"`bare word`", `"bare word"`},
		{"` indented `", `"indented "`},
		{"`[1,`", `"[1,"`},
		{"``", `""`},
		{"`a\\`b`", "\"a`b\""},
		{"`[1, 2]`[1]", "2"},
		{"`{\"k\": 5}`.k", "5"},
	},
	"functions": {
		{"abs(`-3`)", "3"},
		{"abs(`-2.50`)", "2.5"},
		{"abs(`-0.0`)", "0.0"},
		{"avg(digits)", "4.5"},
		{"avg(`[2, 4]`)", "3.0"},
		{"avg(none)", "null"},
		{"avg(`[9007199254740993]`)", "9007199254740992.0"},
		{"ceil(`1.2`)", "2"},
		{"ceil(`-0.5`)", "0"},
		{"ceil(`7`)", "7"},
		{"ceil(`1e22`)", "10000000000000000000000"},
		{"floor(`1.8`)", "1"},
		{"floor(`-1.2`)", "-2"},
		{"contains(words, 'Fig')", "true"},
		{"contains(digits, `3.0`)", "true"},
		{"contains('haystack', 'st')", "true"},
		{"contains('haystack', 'ts')", "false"},
		{"contains(none, nothing)", "false"},
		{"ends_with('office', 'ice')", "true"},
		{"ends_with('office', 'off')", "false"},
		{"starts_with('office', 'off')", "true"},
		{"starts_with('office', 'ice')", "false"},
		{"join('-', words[:2])", `"pear-Fig"`},
		{"join(', ', none)", `""`},
		{"keys(staff)", `["zoe", "adam", "mia"]`},
		{"values(staff)[*].age", "[31, 47, 19]"},
		{"length('é😀')", "2"},
		{"length(`\"\\ud800x\"`)", "2"},
		{"length(rooms)", "4"},
		{"length(staff)", "3"},
		{"map(&floor.level, rooms)", "[3, -1, null, 1]"}, // nulls stay
		{"map(&@, none)", "[]"},
		{"max(digits)", "9"},
		{"max(words)", `"\u00e9clair"`},
		{"max(none)", "null"},
		{"min(`[1.5, 1, 2]`)", "1"},
		{"min(words)", `"Fig"`},
		{"max_by(rooms, &seats).name", `"Cellar"`},
		{"min_by(rooms, &name).name", `"Attic"`},
		{"max_by(rooms[:1], &seats).name", `"Attic"`},
		{"min_by(rooms[?seats == `4`], &seats).name", `"Attic"`}, // the first of equals
		{"max_by(none, &x)", "null"},
		{"merge(`{\"b\": 1, \"a\": 2}`, `{\"c\": 3, \"b\": 4}`)", `{"b": 4, "a": 2, "c": 3}`},
		{"not_null(nothing, absent, zero, one)", "0"},
		{"not_null(nothing)", "null"},
		{"reverse(words)", `["\u00e9clair", "apple", "Fig", "pear"]`},
		{"reverse('aé😀')", `"\ud83d\ude00\u00e9a"`},
		{"reverse('a\xffb')", `"b\udcffa"`},
		{"reverse(`\"\\ud800x\"`)", `"x\ud800"`},
		// What is no JSON is a string, and loses the blanks before it, U+001C among them.
		{"`\x1cfoo`", `"foo"`},
		{"`" + strings.Repeat("9", 4301) + "`", `"` + strings.Repeat("9", 4301) + `"`},
		{"to_number('" + strings.Repeat("9", 300) + strings.Repeat("0", 4001) + "')", "Infinity"},
		{"sort(words)", `["Fig", "apple", "pear", "\u00e9clair"]`},
		{"sort(`[3, 1.5, 10, -2]`)", "[-2, 1.5, 3, 10]"},
		{"sort(none)", "[]"},
		{"sort_by(rooms, &seats)[*].name", `["\u00c9mile", "Attic", "Ballroom", "Cellar"]`},
		{"sort_by(rooms, &name)[0].name", `"Attic"`},
		{"sort_by(none, &x)", "[]"},
		{"sum(digits)", "45"},
		{"sum(`[1, 2.5]`)", "3.5"},
		{"sum(`[0.1, 0.2]`)", "0.30000000000000004"},
		{"sum(`[9223372036854775807, 1]`)", "9223372036854775808"},
		{"sum(none)", "0"},
		{"to_array(one)", "[1]"},
		{"to_array(none)", "[]"},
		{"to_number('12')", "12"},
		{"to_number('12.0')", "12.0"},
		{"to_number(' +0_07 ')", "7"},
		{"to_number('.5e1')", "5.0"},
		{"to_number('-Infinity')", "-Infinity"},
		{"to_number('1__0')", "null"},
		{"to_number('1_0')", "10"},
		{"to_number('٣')", "3"},
		{"to_number('٣.٥')", "3.5"},
		{"to_number('+nan')", "NaN"},
		{"to_number('\x1c1')", "null"},
		{"to_number('_1')", "null"},
		{"to_number('0x1p1')", "null"},
		{"to_number('one')", "null"},
		{"to_number(yes)", "null"},
		{"to_number(`1.50`)", "1.5"},
		{"to_string('as is é')", `"as is \u00e9"`},
		{"to_string(`{\"b\": [1, 2.0, null, true], \"a\": \"é\\n\"}`)",
			`"{\"b\":[1,2.0,null,true],\"a\":\"\\u00e9\\n\"}"`},
		{"to_string(none)", `"[]"`},
		{"to_string(one)", `"1"`},
		{"to_string(`1e400`)", `"Infinity"`},
		{"[`1`, 'x', yes, nothing, none, bare][*] | map(&type(@), @)",
			`["number", "string", "boolean", "array", "object"]`},
		{"type(nothing)", `"null"`},
		{"rooms[*].length(tags)", "[2, 0, 1, 2]"},
		{"join(' ' 'x' | [@, @])", `"x x"`},
		{"not_null(one,)", "1"}, // a comma may be one too many
	},
}

func TestSearch(t *testing.T) {
	for topic, cases := range searches {
		t.Run(topic, func(t *testing.T) {
			doc := parse(t, office)
			for _, c := range cases {
				got, err := ask(doc, c.query)
				if err != nil {
					t.Errorf("%s\n got error %v\nwant %s", c.query, err, c.want)
				} else if got != c.want {
					t.Errorf("%s\n got %s\nwant %s", c.query, got, c.want)
				}
			}
		})
	}
}

// Scripts show these texts to people and match them, carets included.
var compileErrors = []struct{ query, want string }{
	{"", "Invalid JMESPath expression: cannot be empty."},
	{"rooms[", "Invalid jmespath expression: Incomplete expression:\n\"rooms[\"\n       ^"},
	{"rooms[?", "Invalid jmespath expression: Incomplete expression:\n\"rooms[?\"\n        ^"},
	{"  ", "Invalid jmespath expression: Incomplete expression:\n\"  \"\n   ^"},
	{"one ||", "Invalid jmespath expression: Incomplete expression:\n\"one ||\"\n       ^"},
	{"{a: one", "Invalid jmespath expression: Incomplete expression:\n\"{a: one\"\n        ^"},
	{"length(one", "Invalid jmespath expression: Incomplete expression:\n\"length(one\"\n           ^"},
	{"(é", "Bad jmespath expression: Unknown token é:\n(é\n ^"},
	{"$", "Bad jmespath expression: Unknown token $:\n$\n^"},
	{"one = two", "Bad jmespath expression: Unknown token '=':\none = two\n    ^"},
	{"one - two", "Bad jmespath expression: Unknown token '-':\none - two\n    ^"},
	{"a.'b", "Bad jmespath expression: Unclosed ' delimiter:\na.'b\n  ^"},
	{`"b\"`, "Bad jmespath expression: Unclosed \" delimiter:\n\"b\\\"\n^"},
	{"`b\\", "Bad jmespath expression: Unclosed ` delimiter:\n`b\\\n^"},
	{"a || `\"b`", "Bad jmespath expression: Bad token \"b:\na || `\"b`\n     ^"},
	{`a."\u12"`, "Bad jmespath expression: Invalid \\uXXXX escape:\na.\"\\u12\"\n  ^"},
	{`"\q"`, "Bad jmespath expression: Invalid \\escape:\n\"\\q\"\n^"},
	{"one two", "Unexpected token: two: Parse error at column 4, token \"two\" (UNQUOTED_IDENTIFIER), for expression:\n\"one two\"\n     ^"},
	{"'é' 'x'", "Unexpected token: x: Parse error at column 4, token \"x\" (LITERAL), for expression:\n\"'é' 'x'\"\n     ^"},
	{"one]", "Unexpected token: ]: Parse error at column 3, token \"]\" (RBRACKET), for expression:\n\"one]\"\n    ^"},
	{"one & two", "Unexpected token: &: Parse error at column 4, token \"&\" (EXPREF), for expression:\n\"one & two\"\n     ^"},
	{")", "invalid token: Parse error at column 0, token \")\" (RPAREN), for expression:\n\")\"\n ^"},
	{"rooms[?a ==]", "invalid token: Parse error at column 11, token \"]\" (RBRACKET), for expression:\n\"rooms[?a ==]\"\n            ^"},
	{"-1", "invalid token: Parse error at column 0, token \"-1\" (NUMBER), for expression:\n\"-1\"\n ^"},
	{"a!", "invalid token: Parse error at column 1, token \"!\" (NOT), for expression:\n\"a!\"\n  ^"},
	{"one.", "Expecting: ['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], got: eof: Parse error at column 4, token \"\" (EOF), for expression:\n\"one.\"\n     ^"},
	{"a.`{\"k\": [\"it's\", null, true, \"\\t\\u00ad\"]}`", "Expecting: ['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], got: literal: " +
		"Parse error at column 2, token \"{'k': [\"it's\", None, True, '\\t\\xad']}\" (LITERAL), for expression:\n" +
		"\"a.`{\"k\": [\"it's\", null, true, \"\\t\\u00ad\"]}`\"\n   ^"},
	{"rooms[name]", "Expecting: star, got: unquoted_identifier: Parse error at column 6, token \"name\" (UNQUOTED_IDENTIFIER), for expression:\n\"rooms[name]\"\n       ^"},
	{"[1x]", "Expecting: rbracket, got: unquoted_identifier: Parse error at column 2, token \"x\" (UNQUOTED_IDENTIFIER), for expression:\n\"[1x]\"\n   ^"},
	{"[a b]", "Expecting: comma, got: unquoted_identifier: Parse error at column 3, token \"b\" (UNQUOTED_IDENTIFIER), for expression:\n\"[a b]\"\n    ^"},
	{"{}", "Expecting: ['quoted_identifier', 'unquoted_identifier'], got: rbrace: Parse error at column 1, token \"}\" (RBRACE), for expression:\n\"{}\"\n  ^"},
	{"{a}", "Expecting: colon, got: rbrace: Parse error at column 2, token \"}\" (RBRACE), for expression:\n\"{a}\"\n   ^"},
	{"a[1:2:3:4]", "syntax error: Parse error at column 7, token \":\" (COLON), for expression:\n\"a[1:2:3:4]\"\n        ^"},
	{"a[*]b", "Unexpected token: b: Parse error at column 4, token \"b\" (UNQUOTED_IDENTIFIER), for expression:\n\"a[*]b\"\n     ^"},
	{"a[*](b)", "syntax error: Parse error at column 4, token \"(\" (LPAREN), for expression:\n\"a[*](b)\"\n     ^"},
	{"\"length\"(one)", "Quoted identifier not allowed for function names.: Parse error at column 0, token \"(\" (LPAREN), for expression:\n\"\"length\"(one)\"\n ^"},
	{"@(one)", "Invalid function name '@': Parse error at column 0, token \"@\" (CURRENT), for expression:\n\"@(one)\"\n ^"},
}

func TestCompileErrors(t *testing.T) {
	for _, c := range compileErrors {
		x, err := jmespath.Compile(c.query)
		if err == nil {
			t.Errorf("%s\n got %v, no error\nwant %s", c.query, x, c.want)
		} else if err.Error() != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, err, c.want)
		}
	}
}

var searchErrors = []struct{ query, want string }{
	{"nofunc(one)", "Unknown function: nofunc()"},
	{"items(abs(blank))", `In function abs(), invalid type for value: , expected one of: ['number'], received: "string"`},
	{"length()", "Expected 1 argument for function length(), received 0"},
	{"length(one, one)", "Expected 1 argument for function length(), received 2"},
	{"join(one)", "Expected 2 arguments for function join(), received 1"},
	{"not_null()", "Expected at least 1 argument for function not_null(), received 0"},
	{"length(one)", `In function length(), invalid type for value: 1, expected one of: ['string', 'array', 'object'], received: "number"`},
	{"keys(none)", `In function keys(), invalid type for value: [], expected one of: ['object'], received: "array"`},
	{"values(nothing)", `In function values(), invalid type for value: None, expected one of: ['object'], received: "null"`},
	{"abs(staff.mia)", `In function abs(), invalid type for value: {'age': 19, 'night': True}, expected one of: ['number'], received: "object"`},
	{"abs(`[\"it's\", \"\\\"\", \"it's \\\"\", \"\\\\\\n\\u0007\\ud800\\u2028é\", 1.0, 1e400, false, {}]`)",
		`In function abs(), invalid type for value: ["it's", '"', 'it\'s "', '\\\n\x07\ud800\u2028é', 1.0, inf, False, {}], expected one of: ['number'], received: "array"`},
	{"sum(['a'])", `In function sum(), invalid type for value: a, expected one of: ['array-number'], received: "str"`},
	{"sum([yes])", `In function sum(), invalid type for value: True, expected one of: ['array-number'], received: "bool"`},
	{"avg(rooms)", `In function avg(), invalid type for value: {'name': 'Attic', 'seats': 4, 'tags': ['quiet', 'warm'], 'floor': {'level': 3, 'lift': False}}, expected one of: ['array-number'], received: "dict"`},
	{"join(',', [nothing])", `In function join(), invalid type for value: None, expected one of: ['array-string'], received: "NoneType"`},
	{"join(',', [none])", `In function join(), invalid type for value: [], expected one of: ['array-string'], received: "list"`},
	{"sort(['a', one])", `In function sort(), invalid type for value: 1, expected one of: ['array-string', 'array-number'], received: "int"`},
	{"max([`1.5`, 'a'])", `In function max(), invalid type for value: a, expected one of: ['array-number', 'array-string'], received: "str"`},
	{"min(['a', `1.5`])", `In function min(), invalid type for value: 1.5, expected one of: ['array-number', 'array-string'], received: "float"`},
	{"map(one, none)", `In function map(), invalid type for value: 1, expected one of: ['expref'], received: "number"`},
	{"merge(bare, one)", `In function merge(), invalid type for value: 1, expected one of: ['object'], received: "number"`},
	{"reverse(bare)", `In function reverse(), invalid type for value: {}, expected one of: ['array', 'string'], received: "object"`},
	{"sort_by(values(staff), &night)", `In function sort_by(), invalid type for value: {'age': 31}, expected one of: ['string', 'number'], received: "null"`},
	{"sort_by([rooms[0], bare], &seats)", `In function sort_by(), invalid type for value: None, expected one of: ['number'], received: "null"`},
	{"max_by(rooms, &tags)", `In function max_by(), invalid type for value: ['quiet', 'warm'], expected one of: ['number', 'string'], received: "array"`},
	{"min_by([one, blank], &@)", "'<' not supported between instances of 'str' and 'int'"},
	{"max_by([blank, one, bare], &@)", "'>' not supported between instances of 'int' and 'str'"},
	{"one <= 'x'", "'<=' not supported between instances of 'int' and 'str'"},
	{"'x' >= `1.5`", "'>=' not supported between instances of 'str' and 'float'"},
	{"contains('abc', one)", "'in <string>' requires string as left operand, not int"},
	{"digits[::0]", "slice step cannot be zero"},
	{"ceil(`1e400`)", "cannot convert float infinity to integer"},
	{"floor(`NaN`)", "cannot convert float NaN to integer"},
	{"&one", "Encountered unrecognized type in JSON encoder."},
	{"{a: [&one]}", "Encountered unrecognized type in JSON encoder."},
}

func TestSearchErrors(t *testing.T) {
	doc := parse(t, office)
	for _, c := range searchErrors {
		x, err := jmespath.Compile(c.query)
		if err != nil {
			t.Errorf("%s\n got error %v before the search\nwant %s", c.query, err, c.want)
			continue
		}
		v, err := x.Search(doc)
		if err == nil {
			t.Errorf("%s\n got %s, no error\nwant %s", c.query, document.AppendCompact(nil, v), c.want)
		} else if err.Error() != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, err, c.want)
		}
	}
}

// Queries that programs put together are long; only hopeless ones are refused.
func TestNesting(t *testing.T) {
	const many = 100_000
	for name, query := range map[string]string{
		"parentheses": strings.Repeat("(", many) + "one" + strings.Repeat(")", many),
		"lists":       strings.Repeat("[", many) + "one" + strings.Repeat("]", many),
		"hashes":      strings.Repeat("{a:", many) + "one" + strings.Repeat("}", many),
		"filters":     strings.Repeat("[?", many) + "one" + strings.Repeat("]", many),
		"calls":       strings.Repeat("abs(", many) + "one" + strings.Repeat(")", many),
		"nots":        strings.Repeat("!", many) + "one",
		"projections": strings.Repeat("[*]", many),
		"pipes":       "one" + strings.Repeat("|one", many),
		"dots":        "one" + strings.Repeat(".one", many),
		"unfinished":  strings.Repeat("(", many),
	} {
		want := "nested more than 1000 levels deep"
		if _, err := jmespath.Compile(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %.200v, want one with %q", name, err, want)
		}
	}

	query := "rooms[?name == 'Attic'" + strings.Repeat(" || name == 'x'", 900) + "].seats"
	if got, err := ask(parse(t, office), query); err != nil || got != "[4]" {
		t.Errorf("900 alternatives: got %s, error %v; want [4]", got, err)
	}
}

// Each step of these queries doubles the value of the one before.
func TestRunawayQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second and half a gigabyte")
	}
	doc := parse(t, office)
	for _, step := range []string{
		"|[@, @][]",
		"|[@, @]",
		"|join('', [@, @])",
	} {
		x, err := jmespath.Compile("words[0]" + strings.Repeat(step, 100))
		if err != nil {
			t.Fatal(err)
		}
		want := "too large"
		if _, err := x.Search(doc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("100 times %q: got error %v, want one with %q", step, err, want)
		}
	}
}

func TestExpressionIsReusable(t *testing.T) {
	x, err := jmespath.Compile("sort_by(@, &n)[::-1].merge(@, `{\"seen\": true}`)")
	if err != nil {
		t.Fatal(err)
	}
	const text = `[{"n": 2}, {"n": 1}]`
	doc := parse(t, text)
	const want = `[{"n": 2, "seen": true}, {"n": 1, "seen": true}]`
	for range 2 {
		v, err := x.Search(doc)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(document.AppendCompact(nil, v)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := string(document.AppendCompact(nil, doc)); got != text {
			t.Errorf("the search changed the document: got %s, want %s", got, text)
		}
	}
}

// FuzzSearch wants an answer or an error for any query and document: no panic, no hang, and
// the document as it was.
func FuzzSearch(f *testing.F) {
	for _, cases := range searches {
		for _, c := range cases {
			f.Add(c.query, office)
		}
	}
	for _, c := range compileErrors {
		f.Add(c.query, "null")
	}
	for _, c := range searchErrors {
		f.Add(c.query, office)
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		doc, err := document.Parse(text)
		if err != nil {
			t.Skip()
		}
		before := string(document.AppendCompact(nil, doc))
		x, err := jmespath.Compile(query)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		v, err := x.Search(doc)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
		} else {
			left := 1 << 20 // a result may be larger than it is worth looking at
			checkValue(t, v, &left)
		}
		if after := string(document.AppendCompact(nil, doc)); after != before {
			t.Errorf("%s changed the document\n got %s\nwant %s", query, after, before)
		}
	})
}

func checkValue(t *testing.T, v any, left *int) {
	if *left--; *left < 0 {
		return
	}
	switch v := v.(type) {
	case nil, bool, string:
	case document.Number:
		if _, ok := v.BigInt(); v.IsInt() && !ok {
			t.Errorf("got the number %q", v)
		}
	case []any:
		if v == nil {
			t.Error("got a nil list")
		}
		for _, e := range v {
			checkValue(t, e, left)
		}
	case *document.Object:
		for _, m := range v.Members() {
			checkValue(t, m.Value, left)
		}
	default:
		t.Errorf("got a %T, which is no document value", v)
	}
}
