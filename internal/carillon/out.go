package carillon

import (
	"cmp"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/bulk"
)

// The files that commands write: where, in which form, and over what they must not be written.

// outFlag declares where a file goes.
func outFlag(f *flags, at *string, text string) { f.text(at, "o FILE", text, files()) }

// formFlag declares the form of a file. Without it the name that -o says decides.
func formFlag(f *flags, at *string, syntax, text string, forms ...string) {
	text += ": " + strings.Join(forms, ", ") + " (default what the name of FILE says, or else " + forms[0] + ")"
	parsed(f, at, oneOf(forms), syntax, "", text, completedBy(cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)))
}

// outFile is a file that a command is to write.
type outFile struct {
	path  string   // empty for standard output
	reads []string // files that the command reads, empty for none, "-" for standard input
	forms []string // in which it can write the file, the default first
	flag  string   // that gives the form; empty if there is only one
	given string   // empty if the flag is not given
}

// checkOut returns the form of a file: the one that the flag gives, or else the one that the name
// says, or else the default. A name that says otherwise is refused, since whoever opens the file
// goes by it. So is a file that must not be lost.
func (p *program) checkOut(o outFile) (form string, err error) {
	if err := p.checkLoss(o); err != nil {
		return "", err
	}
	named := strings.ToLower(strings.TrimPrefix(filepath.Ext(o.path), "."))
	switch {
	case named == "json" && slices.Contains(o.forms, string(bulk.JSONL)):
		named = string(bulk.JSONL)
	case !slices.Contains([]string{"csv", "html", "json", "jsonl", "ods", "xls", "xlsb", "xlsx"}, named):
		named = ""
	}
	form = cmp.Or(o.given, o.forms[0])
	switch {
	case named == "" || named == form:
		return form, nil
	case o.given != "":
		return "", p.badInput("-o: %s is named as another form of file than %s %s writes: give another name, or leave %s out", o.path, o.flag, o.given, o.flag)
	case slices.Contains(o.forms, named):
		return named, nil
	}
	return "", p.badInput("-o: %s is named as a form of file that is not written here; there is %s", o.path, strings.Join(o.forms, ", "))
}

// checkLoss refuses to write over a file that the command reads, by whatever name, over the ledger
// of a job, and over what is no file.
func (p *program) checkLoss(o outFile) error {
	there, err := os.Stat(o.path)
	if o.path == "-" || err == nil && !there.Mode().IsRegular() {
		return p.badInput("-o: %s is not the name of a file: give one, or leave -o out for standard output", o.path)
	}
	if err != nil { // nothing to lose
		return nil
	}
	for _, path := range o.reads {
		if read, err := p.stat(path); err == nil && os.SameFile(there, read) {
			return p.badInput("-o: %s is a file that this command reads, and would be lost: name another file", o.path)
		}
	}
	ledger, err := bulk.IsLedger(o.path)
	if err == nil && ledger {
		return p.badInput("-o: %s is the ledger of a job, which cannot be resumed or rolled back without it: name another file", o.path)
	}
	if err != nil {
		return p.badInput("-o: %w", err)
	}
	return nil
}

// stat looks at a file, or at standard input.
func (p *program) stat(path string) (fs.FileInfo, error) {
	if path != "-" {
		return os.Stat(path)
	}
	if in, ok := p.stdin.(interface{ Stat() (fs.FileInfo, error) }); ok {
		return in.Stat()
	}
	return nil, fs.ErrNotExist
}

// writeTable writes a table to a file, or to standard output if it has no name. A CSV file begins
// with a byte order mark, by which spreadsheets know UTF-8.
func (p *program) writeTable(path string, format bulk.Format, write func(io.Writer) error) error {
	if path == "" {
		return write(p.stdout)
	}
	return save(path, func(w io.Writer) error {
		if format == bulk.CSV {
			if _, err := io.WriteString(w, "\uFEFF"); err != nil {
				return err
			}
		}
		return write(w)
	})
}

// save replaces a file, whole or not at all, by one that only its owner can read.
func save(path string, write func(io.Writer) error) error {
	f, err := atomicfile.New(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return err
	}
	return f.Replace()
}
