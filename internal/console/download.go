package console

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
)

// Downloads are files of rows: users, rows that failed, a template.

// listFile is the format of a list that a program reads at once.
const listFile bulk.Format = "json"

var fileTypes = map[bulk.Format]string{
	listFile:   "application/json",
	bulk.CSV:   "text/csv; charset=utf-8",
	bulk.JSONL: "application/jsonl",
	bulk.XLSX:  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// exportAttempts is how often a call of an export may be made: many calls may be throttled.
const exportAttempts = 10

// downloadTime is how long a browser may take for a piece of a file.
const downloadTime = 2 * time.Minute

// download answers with a file that write writes. An error before the first byte becomes a page; a
// later one breaks the answer off, so that nobody takes a part for the whole.
func (v *visit) download(name string, format bulk.Format, write func(io.Writer) error) error {
	d := &download{visit: v, name: name, format: format}
	err := write(d)
	if err == nil && !d.begun {
		_, err = d.Write(nil)
	}
	if err != nil && d.begun {
		v.Logger.Warn("a download was broken off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

type download struct {
	*visit
	name   string
	format bulk.Format
	begun  bool
}

func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", fileTypes[d.format])
		d.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name + "." + string(d.format)}))
		if d.format == bulk.CSV { // by which spreadsheets know UTF-8
			if _, err := io.WriteString(d.w, "\uFEFF"); err != nil {
				return 0, err
			}
		}
	}
	if err := http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(downloadTime)); err != nil {
		return 0, err
	}
	return d.w.Write(p)
}

// template answers with a file of rows to start from.
func (c *Console) template(v *visit) error {
	return v.download("users", bulk.CSV, func(w io.Writer) error {
		_, err := io.WriteString(w, bulk.Template())
		return err
	})
}

// export answers with the users of an account, or with those whom the search of the list finds.
func (c *Console) export(v *visit) error {
	format := bulk.Format(v.r.FormValue("format"))
	if fileTypes[format] == "" {
		return refusing(http.StatusNotFound, "error.notfound")
	}
	about, err := v.account()
	if err != nil {
		return err
	}
	filter := usersFilterOf(v.r)
	in, ok := filter.search(about.Account.ID)
	if !ok {
		return refusing(http.StatusUnprocessableEntity, "users.date.bad")
	}
	in.Set("MaxResults", document.Int(bulk.UserPage))
	list := c.Service.Operation("ListUsers")
	if len(filter.Fields()) > 0 {
		list, _ = v.operation("SearchUsers")
	}
	config := c.calling(v.key)
	config.MaxAttempts = exportAttempts
	calls, err := client.New(config)
	if err != nil {
		return err
	}
	return v.download("users", format, func(w io.Writer) error {
		users, err := bulk.NewExport(w, format, c.Service.Operation("ListUsers").Output.Member("Users").Shape.Element, nil)
		if err != nil {
			return err
		}
		for {
			reply, err := calls.Call(v.r.Context(), list, in)
			if err != nil {
				return err
			}
			out := reply.Output
			for _, user := range objects(out, "Users") {
				if err := users.Write(user); err != nil {
					return err
				}
			}
			token := out.Text("NextToken")
			if token == "" {
				return users.Close()
			}
			if token == in.Text("NextToken") {
				return errors.New("the listing of users does not end")
			}
			in.Set("NextToken", token)
		}
	})
}
