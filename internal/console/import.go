package console

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/sheet"
)

// An import is a file of rows that somebody sends, and becomes a plan. The file lies in the folder
// of plans until its rows have been read.

const (
	maxUpload   = 50 << 20         // bytes of a file
	maxRows     = 300_000          // of a file: each takes about a kilobyte of memory while its job runs
	uploadTime  = 10 * time.Minute // that a browser may take for it
	mostUploads = 4                // at a time
	maxField    = 4 << 10          // bytes of another field of the form
	mostFields  = 20

	restSize = 16 << 20 // bytes that are read of a file that was refused
)

// restTime is the time that a browser gets to see that its file was refused. Tests change it.
var restTime = 2 * time.Second

// importRoute is the one route whose form has a file.
const importRoute = "POST /accounts/{account}/import"

// uploads has room for each file that is arriving.
type uploads chan struct{}

// importPage is the form of an import, as somebody has filled it in.
type importPage struct {
	ofAccount
	Action              bulk.Action
	Sheet, Only, Most   string
	License, UserType   string // "LicenseType=Pro", as for carillon bulk --set
	Actions             []bulk.Action
	Licenses, UserTypes []string
	Allowed             map[bulk.Action]bool
	Problem             string
}

// May reports whether the key may do any of the actions.
func (p importPage) May() bool {
	return slices.ContainsFunc(p.Actions, func(a bulk.Action) bool { return p.Allowed[a] })
}

// ActionName is what an action is called.
func (importPage) ActionName(a bulk.Action) string { return actionName(string(a)) }

// Value is the value of a setting.
func (importPage) Value(setting string) string { return strings.SplitN(setting, "=", 2)[1] }

// MaxUpload is the most bytes of a file.
func (importPage) MaxUpload() int { return maxUpload }

// Limit is that, for people.
func (importPage) Limit() string { return sizeOf(maxUpload) }

// importPage makes an empty form.
func (v *visit) importPage() (p importPage, err error) {
	if p.ofAccount, err = v.account(); err != nil {
		return p, err
	}
	p.Action, p.Actions, p.Allowed = bulk.Update, bulk.Actions(), map[bulk.Action]bool{}
	for _, a := range p.Actions {
		p.Allowed[a] = v.may(a.Operation())
	}
	p.Licenses, p.UserTypes = bulk.Settings("LicenseType="), bulk.Settings("UserType=")
	return p, nil
}

func (c *Console) importForm(v *visit) error {
	p, err := v.importPage()
	if err != nil {
		return err
	}
	return v.show("import", p)
}

// importFile takes a file and begins to plan its rows.
func (c *Console) importFile(v *visit) error {
	p, err := v.importPage()
	if err != nil {
		return v.refuseUpload(err)
	}
	if v.Jobs == "" || !p.May() {
		return v.refuseUpload(v.canWork(p.Action.Operation()))
	}
	select {
	case c.uploads <- struct{}{}:
		defer func() { <-c.uploads }()
	default:
		return v.refuseUpload(refusing(http.StatusServiceUnavailable, "import.busy"))
	}
	sum := sha256.New()
	file, name, err := v.upload(&p, sum)
	remove := func() {
		if file == "" {
			return
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.Logger.Warn("an upload cannot be removed", slog.Any("error", err))
		}
	}
	if err != nil {
		remove()
		return v.refuseUpload(err)
	}
	first := false
	v.once(string(sum.Sum(nil)), func(v *visit) error {
		first = true
		return v.planUpload(p, file, name, remove)
	})
	if !first {
		remove()
	}
	return nil
}

// planUpload begins to plan the rows of a file, which it removes.
func (v *visit) planUpload(p importPage, file, name string, remove func()) error {
	again := func(problem string) error {
		remove()
		p.Problem = problem
		return v.showAgain("import", p)
	}
	rows := bulk.RowOptions{Action: p.Action, Sheet: p.Sheet}
	for line := range strings.Lines(p.Only) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		only, err := bulk.ParseOnly(line)
		if err != nil {
			return again(say("import.only.wrong", why(err)))
		}
		rows.Only = append(rows.Only, only)
	}
	var set bulk.Values
	for _, setting := range []string{p.License, p.UserType} {
		if setting == "" || p.Action != bulk.Update {
			continue
		}
		value, err := bulk.ParseSetting(setting)
		if err != nil {
			return again(why(err))
		}
		set = set.With(value.Field, value.Text)
	}
	if _, err := limitOf(p.Most); err != nil {
		return again(why(err))
	}
	if file == "" {
		return again(say("import.nofile"))
	}
	if !slices.Contains(p.Actions, p.Action) {
		return again(say("import.noaction"))
	}
	return v.planBy(planWish{about: p.ofAccount.Account, action: p.Action, what: name, most: p.Most, over: remove,
		make: func(ctx context.Context, a *bulk.Account) (*bulk.Plan, error) {
			table, err := readRows(file, name, rows)
			if err == nil && len(table.Wishes) > maxRows {
				err = tooManyRows()
			}
			if err != nil {
				return nil, err
			}
			if p.Action == bulk.Update && set == nil && !table.Changes {
				return nil, table.Check(name)
			}
			wishes := table.Wishes
			if wishes == nil {
				wishes = []bulk.Wish{} // a table without rows, not a choice without a table
			}
			remove()
			for i := range table.Excluded { // each by a condition, in their order
				table.Excluded[i].By = fieldOf(rows.Only[i].Option())
			}
			return a.Plan(ctx, p.Action, bulk.Selection{Wishes: wishes}, bulk.PlanOptions{
				Source: name, Columns: table.Columns, Unused: table.Unused, Excluded: table.Excluded, Remarks: table.Remarks, Set: set,
			})
		}})
}

func readRows(file, name string, o bulk.RowOptions) (*bulk.Table, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bulk.ReadRows(f, name, o)
}

// upload reads the form of an import. The file, if there is one, lies at the path that it returns,
// even with an error; its name is for people. What was sent is written to sum.
func (v *visit) upload(p *importPage, sum io.Writer) (file, name string, err error) {
	v.work.mu.Lock()
	err = v.loadPlans()
	v.work.mu.Unlock()
	if err != nil {
		return "", "", err
	}
	if v.r.ContentLength > maxUpload+maxForm {
		return "", "", &http.MaxBytesError{Limit: maxUpload}
	}
	rc := http.NewResponseController(v.w)
	if err := errors.Join(rc.SetReadDeadline(time.Now().Add(uploadTime)), rc.SetWriteDeadline(time.Now().Add(uploadTime+time.Minute))); err != nil {
		return "", "", err
	}
	body := v.r.Body
	v.r.Body = http.MaxBytesReader(v.w, body, maxUpload+maxForm)
	defer func() { v.r.Body = body }()
	parts, err := v.r.MultipartReader()
	if err != nil {
		return "", "", refusing(http.StatusBadRequest, "import.noform")
	}
	for range mostFields {
		part, err := parts.NextPart()
		if err == io.EOF {
			return file, name, nil
		}
		if err != nil {
			return file, name, broken(err)
		}
		if part.FormName() == "file" && file == "" {
			if part.FileName() != "" {
				name = fileName(part)
				fmt.Fprintf(sum, "%q", name)
				if file, err = v.keep(io.TeeReader(part, sum)); err != nil {
					return file, name, broken(err)
				}
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return file, name, broken(err)
		}
		if len(text) > maxField {
			return file, name, &http.MaxBytesError{Limit: maxField}
		}
		fmt.Fprintf(sum, "%q%q", part.FormName(), text)
		value := strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
		switch part.FormName() {
		case "action":
			p.Action = bulk.Action(value)
		case "sheet":
			p.Sheet = value
		case "only":
			p.Only = value
		case "most":
			p.Most = value
		case "license":
			p.License = value
		case "type":
			p.UserType = value
		}
	}
	return file, name, refusing(http.StatusBadRequest, "import.noform")
}

func tooManyRows() error {
	return refusing(http.StatusRequestEntityTooLarge, "import.toomany", number(maxRows))
}

// broken says what is wrong with a form that could not be read to its end.
func broken(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &http.MaxBytesError{Limit: min(tooLarge.Limit, maxUpload)}
	}
	if _, ok := refusal(err); ok {
		return err
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok { // a full disk, say
		return err
	}
	return refusing(http.StatusBadRequest, "import.broken")
}

// fileName returns the name of a file as people know it.
func fileName(part *multipart.Part) string {
	const most = 100
	name := path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))
	runes := []rune(sheet.Visible(name))
	return string(runes[:min(len(runes), most)])
}

// keep writes a file to disk.
func (v *visit) keep(part io.Reader) (file string, err error) {
	f, err := os.CreateTemp(v.plansDir(), "upload-")
	if err != nil {
		return "", err
	}
	var lines lineCount
	n, err := io.Copy(io.MultiWriter(f, &lines), io.LimitReader(part, maxUpload+1))
	if err == nil && lines > maxRows+1 { // a workbook tells later; of its bytes too few look like lines
		err = tooManyRows()
	}
	if err == nil && n > maxUpload {
		io.Copy(io.Discard, part) // net/http must see that its limit is passed: it then closes the connection with care
		err = &http.MaxBytesError{Limit: maxUpload}
	}
	return f.Name(), cmp.Or(err, f.Close())
}

// lineCount counts the lines that are written to it.
type lineCount int

func (n *lineCount) Write(p []byte) (int, error) {
	*n += lineCount(max(bytes.Count(p, []byte{'\n'}), bytes.Count(p, []byte{'\r'})))
	return len(p), nil
}

// refuseUpload answers a form that may still be arriving. Browsers send all of it before they look
// for an answer, and would show none if the connection were closed at once. So the rest is read for
// a moment. HTTP/2 has a frame that says to stop.
func (v *visit) refuseUpload(err error) error {
	if v.r.ProtoMajor > 1 {
		return err
	}
	rc := http.NewResponseController(v.w)
	if err := rc.EnableFullDuplex(); err != nil { // else net/http waits for the rest before it answers
		return err
	}
	v.w.Header().Set("Connection", "close")
	v.failed(v.w, v.r, v, err)
	rc.Flush()
	rc.SetReadDeadline(time.Now().Add(restTime))
	io.CopyN(io.Discard, v.r.Body, restSize)
	rc.SetReadDeadline(time.Unix(1, 0)) // nor does net/http wait for a rest now
	return nil
}
