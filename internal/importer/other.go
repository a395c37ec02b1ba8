package importer

import (
	"bytes"
	"regexp"
)

// python begins a dictionary or a list as Python prints it, which looks like JSON at first.
var python = regexp.MustCompile(`^[\s{\[]*'`)

const isPython = "this is how Python prints values, not JSON: have Python read it, and print it by json.dumps"

// Other forms in which people have saved what the API listed. Nobody can list it again, so the file
// is refused with what makes one that is read.
var others = []struct {
	begins *regexp.Regexp
	advice string
}{
	{regexp.MustCompile(`^\s*-{3,}\s*\n\s*\|`),
		"this is a frame that --output table has drawn: make a table of the users, with the columns userId and email, and JSON of other things"},
	{regexp.MustCompile(`^[A-Z]{3,}\t`), `this is what --output text prints, which does not name its columns: ` +
		`make a table of the users, with the columns userId and email, and JSON of other things`},
	{regexp.MustCompile(`^[^\n]*@[^\n]*`), "the first line does not name the columns: write a line of names above it, among them userId and email"},
	{regexp.MustCompile(`^(- )?\w+:[^\n]*\n\s*(- )?\w+:`), "this is YAML: save it as JSON"},
	{regexp.MustCompile(`\n\s*[{\[]`), "there is other text above the JSON: delete it"},
}

const (
	notUsers      = "this is neither JSON nor a table with the columns userId and email"
	notUsersSheet = "the sheet has no columns userId and email: name another one by --sheet, or write these names above the columns"
)

// other says what a file is that is neither JSON nor a table of users, by how it begins.
func other(start []byte) string {
	if bytes.HasPrefix(start, []byte("PK\x03\x04")) {
		return notUsersSheet
	}
	start = bytes.TrimLeft(bytes.ReplaceAll(start, []byte("\r"), nil), "\n")
	for _, form := range others {
		if form.begins.Match(start) {
			return form.advice
		}
	}
	return notUsers
}
