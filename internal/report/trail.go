package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/sheet"
)

// errEnough ends [Pages] before the last page.
var errEnough = errors.New("enough")

// Trail reads the records of the audit trail that an input of [extension.ReadAudit] chooses. It
// ends after the first error.
func Trail(ctx context.Context, pages Pages, input *document.Object) iter.Seq2[directory.AuditEntry, error] {
	return func(yield func(directory.AuditEntry, error) bool) {
		err := pages(ctx, &extension.ReadAudit, input, "AuditRecords", func(o *document.Object) error {
			e, err := Entry(o)
			if err == nil && !yield(e, nil) {
				err = errEnough
			}
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(directory.AuditEntry{}, err)
		}
	}
}

// Entry reads a record of a reply.
func Entry(o *document.Object) (e directory.AuditEntry, err error) {
	for name, at := range map[string]*string{
		"AwsAccountId": &e.AWSAccountID, "AccountId": &e.AccountID, "Operation": &e.Operation, "Target": &e.Target,
		"Before": &e.Before, "After": &e.After, "KeyName": &e.KeyName, "KeyId": &e.KeyID,
		"RequestId": &e.RequestID, "UserAgent": &e.UserAgent, "TargetEmail": &e.TargetEmail,
	} {
		*at = o.Text(name)
	}
	if e.Time, err = time.Parse(time.RFC3339, o.Text("Time")); err != nil {
		return e, errors.New("the reply has a record without a time: the endpoint is not that of carillon serve, or a proxy has changed it")
	}
	return e, nil
}

// WriteTrailCSV writes a line for each record, below one with the names of the columns.
func WriteTrailCSV(w io.Writer, entries iter.Seq2[directory.AuditEntry, error]) error {
	out := csv.NewWriter(w)
	row := func(cell func(document.Member) string, r directory.AuditEntry) error {
		var cells []string
		for _, m := range directory.AuditDocument(r).Members() {
			cells = append(cells, cell(m))
		}
		return out.Write(cells)
	}
	if err := row(func(m document.Member) string { return m.Key }, directory.AuditEntry{}); err != nil {
		return err
	}
	for r, err := range entries {
		if err == nil {
			err = row(func(m document.Member) string { return sheet.Guard(Flat(m.Value)) }, r)
		}
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Flat gives an object as JSON on one line, what does not exist as nothing, a text as it is.
func Flat(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return string(document.AppendCompact(nil, v))
}

// WriteList writes {"MEMBER": [...]} as output.JSON would.
func WriteList(w io.Writer, member string, items iter.Seq2[*document.Object, error]) error {
	const indent = "\n        "
	before := "{\n    \"" + member + "\": [" + indent
	end := "{\n    \"" + member + "\": []\n}\n"
	for item, err := range items {
		if err != nil {
			return err
		}
		text := document.AppendIndented(nil, item)
		if _, err := io.WriteString(w, before+string(bytes.ReplaceAll(text, []byte("\n"), []byte(indent)))); err != nil {
			return err
		}
		before, end = ","+indent, "\n    ]\n}\n"
	}
	_, err := io.WriteString(w, end)
	return err
}
