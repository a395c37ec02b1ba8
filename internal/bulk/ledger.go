package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// Plans and ledgers are files of JSON, one object per line. The first line, the head, says what the
// file is: its member "carillon" is "plan" or "ledger". Then comes a line for each row, in order.
// In a ledger, lines about calls follow: for each row, one with the status "sent" before the call,
// and one with "done", "failed" or "skipped" after it. The last line about a row counts.
const (
	kindKey    = "carillon"
	planKind   = "plan"
	ledgerKind = "ledger"
	version    = 1
)

// appendHead appends the first line of a plan or a ledger.
func appendHead(b []byte, h Head, rows int, at time.Time) []byte {
	o := new(document.Object)
	kind := planKind
	if h.Job != "" {
		kind = ledgerKind
	}
	o.Set(kindKey, kind)
	o.Set("version", document.Int(version))
	for _, m := range []document.Member{
		{Key: "job", Value: h.Job}, {Key: "undoes", Value: h.Undoes}, {Key: "action", Value: string(h.Action)},
		{Key: "endpoint", Value: h.Endpoint}, {Key: "account", Value: h.Account}, {Key: "name", Value: h.Name}, {Key: "type", Value: h.Type},
		{Key: "source", Value: h.Source}, {Key: "by", Value: h.By},
	} {
		if m.Value != "" {
			o.Set(m.Key, m.Value)
		}
	}
	if h.Columns != nil {
		columns := make([]any, len(h.Columns))
		for i, name := range h.Columns {
			columns[i] = name
		}
		o.Set("columns", columns)
	}
	for _, m := range []struct {
		key string
		Values
	}{{"set", h.Set}, {"from", h.From}} {
		if m.Values != nil {
			values := new(document.Object)
			for _, v := range m.Values {
				values.Set(v.Field.String(), v.Text)
			}
			o.Set(m.key, values)
		}
	}
	o.Set("rows", document.Int(rows))
	o.Set("at", at.UTC().Format(time.RFC3339))
	return append(document.AppendCompact(b, o), '\n')
}

// appendRow appends a line about a row. A line about a call has a time, at, in RFC 3339, and leaves
// out the address, which the row's own line has. That line has no time: at is nil.
func appendRow(b []byte, job string, r *Row, request string, at []byte) []byte {
	return appendEnd(appendStart(b, job, r, at != nil), r, request, at)
}

// rowStart is how a line about a row begins. The status follows.
const rowStart = `{"status": "`

// appendStart appends the members that say which row a line is about.
func appendStart(b []byte, job string, r *Row, call bool) []byte {
	b = append(b, rowStart...)
	b = append(b, r.Status...)
	b = append(b, `", "row": `...)
	b = strconv.AppendInt(b, int64(r.Number), 10)
	if r.Line > 0 {
		b = append(b, `, "line": `...)
		b = strconv.AppendInt(b, int64(r.Line), 10)
	}
	b = appendMember(b, `, "job": `, job)
	b = appendMember(b, `, "user": `, r.User)
	if r.Status != Sent && (r.Status == Planned || r.User == "" || !call) {
		b = appendMember(b, `, "email": `, r.Email)
	}
	return b
}

// appendEnd appends the rest of a line. A line that says "sent" has no more members: the row's own
// line has them.
func appendEnd(b []byte, r *Row, request string, at []byte) []byte {
	if r.Status == Sent {
		return append(b, "}\n"...)
	}
	values := func(key string, v Values) {
		b = append(b, key...)
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, '"')
			b = append(b, e.Field.String()...)
			b = append(b, `": `...)
			b = document.AppendString(b, e.Text, true)
		}
		b = append(b, '}')
	}
	values(`, "from": {`, r.From)
	values(`, "to": {`, r.To)
	b = appendMember(b, `, "code": `, r.Code)
	b = appendMember(b, `, "message": `, r.Message)
	b = appendMember(b, `, "request": `, request)
	if at == nil && r.Cells != "" {
		b = append(b, `, "cells": `...)
		b = append(b, r.Cells...)
	}
	if at != nil {
		b = append(b, `, "at": "`...)
		b = append(b, at...)
		b = append(b, '"')
	}
	return append(b, "}\n"...)
}

// appendMember appends a member with a text, unless the text is empty.
func appendMember(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return document.AppendString(append(b, key...), value, true)
}

// Write writes the plan as a file that [ReadPlan] reads.
func (p *Plan) Write(w io.Writer, at time.Time) error {
	out := bufio.NewWriterSize(w, 64<<10)
	line := appendHead(nil, p.Head, len(p.Rows), at)
	for i := range p.Rows {
		if _, err := out.Write(line); err != nil {
			return err
		}
		line = appendRow(line[:0], p.Job, &p.Rows[i], "", nil)
	}
	if _, err := out.Write(line); err != nil {
		return err
	}
	return out.Flush()
}

// IsPlan reports whether a file begins like a plan or a ledger. It does not move the reader.
func IsPlan(r *bufio.Reader) bool {
	start, _ := r.Peek(64)
	return bytes.HasPrefix(start, []byte(`{"`+kindKey+`":`))
}

// ReadPlan reads a plan. The name of the file is for messages. If the file is not a plan, the error
// is an [*InputError].
func ReadPlan(r io.Reader, name string) (*Plan, error) {
	l, err := readLedger(r, name)
	if err != nil {
		return nil, err
	}
	if l.Job != "" {
		return nil, badInput(name, 1, "this is the ledger of a job: use carillon bulk resume, retry or rollback")
	}
	return &l.Plan, nil
}

// Ledger is the record of a job: the plan, and what became of its rows. [Create] and [OpenLedger]
// return a ledger that is locked and takes more lines. [ReadLedger] returns one that takes none.
type Ledger struct {
	Plan
	Path string

	// Began is when the ledger was made, and Latest when the latest line about a call was written: as
	// they were when the ledger was read. They are zero for a ledger that was not read.
	Began, Latest time.Time

	// prepared are the rows that Resume or Retry has decided about. Run records them, and not
	// before: the person who is asked may still say no.
	prepared []*Row

	file   *os.File
	now    func() time.Time
	whole  int64   // bytes of whole lines, after reading
	shared sharing // of rows that were read
	mu     sync.Mutex
	buffer []byte // not written yet
	spare  []byte // written already; its space is used again
	broken error  // of the first write that failed; nothing is written after it
}

// Create starts the ledger of a job. Only its owner can read it. The file must not exist yet. It is
// on stable storage when Create returns. The error is an [*InputError] if another name would do.
func Create(path string, p *Plan, now func() time.Time) (*Ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		for _, ill := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
			if errors.Is(err, ill) {
				return nil, fmt.Errorf("creating the ledger: %w: nothing was changed", err)
			}
		}
		return nil, badInput("", 0, "creating the ledger: %v", err)
	}
	l := &Ledger{Plan: *p, Path: path, file: file, now: now}
	if err = l.locked(); err == nil {
		err = p.Write(file, now())
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = atomicfile.SyncDir(filepath.Dir(path)) // or a power failure leaves calls without their ledger
	}
	if err != nil { // nothing has been sent: free the name
		return nil, fmt.Errorf("writing the ledger: %w: nothing was changed", errors.Join(err, l.Close(), os.Remove(path)))
	}
	return l, nil
}

// OpenLedger opens the ledger of a job to go on with it. What a crash left of the last lines is cut
// off: see readLedger. No symbolic link is followed.
func OpenLedger(path string, now func() time.Time) (*Ledger, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // Windows cannot truncate files open for appending
	if err != nil {
		return nil, badInput("", 0, "opening the ledger: %v", err)
	}
	l := &Ledger{Path: path, file: file, now: now}
	if err = l.direct(); err == nil {
		err = l.locked()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	read, err := readLedger(file, path)
	if err == nil && read.Job == "" {
		err = badInput(path, 1, "this is a plan, not the ledger of a job: use carillon bulk apply")
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.Plan = read.Plan
	if err = l.cut(read.whole); err == nil {
		// Once more, since a sync that has failed is not made up for by a later one: what was read may
		// not be on the disk.
		_, err = io.Copy(io.NewOffsetWriter(file, 0), io.NewSectionReader(file, 0, read.whole))
	}
	if err != nil {
		return nil, fmt.Errorf("writing the ledger: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// cut cuts a ledger to so many bytes. That is on stable storage before anything is written in place
// of the rest, with which it might be mixed up.
func (l *Ledger) cut(size int64) error {
	end, err := l.file.Seek(0, io.SeekEnd)
	if err == nil && end > size {
		err = errors.Join(l.file.Truncate(size), l.file.Sync())
	}
	if err == nil {
		_, err = l.file.Seek(size, io.SeekStart)
	}
	return err
}

// ReadLedger reads a ledger without locking or changing it.
func ReadLedger(path string) (*Ledger, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, badInput("", 0, "opening the ledger: %v", err)
	}
	defer file.Close()
	l, err := readLedger(file, path)
	if err == nil && l.Job == "" {
		err = badInput(path, 1, "this is a plan, not the ledger of a job: use carillon bulk apply")
	}
	return l, err
}

// ReadHead reads the first line of a plan or a ledger, which says what it is about.
func ReadHead(r io.Reader) (Head, error) {
	l := new(Ledger)
	text, err := sheet.ReadLine(bufio.NewReader(r))
	if err != nil {
		return l.Head, err
	}
	v, err := document.Parse(string(bytes.TrimSpace(text)))
	if err != nil {
		return l.Head, err
	}
	o, ok := v.(*document.Object)
	if !ok {
		return l.Head, errors.New("the first line is not a JSON object")
	}
	_, err = l.readHead(o)
	return l.Head, err
}

// direct refuses a ledger that was opened through a symbolic link: whoever can make links in the
// directory would choose the file that is cut and written to.
func (l *Ledger) direct() error {
	opened, err := l.file.Stat()
	if err != nil {
		return badInput("", 0, "opening the ledger: %v", err)
	}
	if named, err := os.Lstat(l.Path); err != nil || !os.SameFile(opened, named) {
		return badInput(l.Path, 0, "the ledger must not be a symbolic link: name the file that it leads to")
	}
	return nil
}

// locked keeps a second program from going on with the same job.
func (l *Ledger) locked() error {
	free, err := lock(l.file)
	// Those who just look (see busy) let go soon, but may be kept from it while the machine is busy.
	for tries := 0; !free && err == nil && tries < 3000; tries++ {
		time.Sleep(10 * time.Millisecond)
		if free, err = lock(l.file); free || err != nil || tries < 10 {
			continue
		}
		var taken bool
		if taken, err = busy(l.file); taken {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("locking the ledger: %w", err)
	}
	if !free {
		return badInput(l.Path, 0, "another carillon bulk is working with this ledger")
	}
	return nil
}

// record appends a line for each row, with the row's status. The lines are on disk after the next
// commit.
func (l *Ledger) record(rows []*Row, request string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.now().UTC().AppendFormat(make([]byte, 0, len(time.RFC3339)), time.RFC3339)
	var end []byte // of the previous line: most rows of a call share it
	for i, r := range rows {
		l.buffer = appendStart(l.buffer, l.Job, r, true)
		if i > 0 && r.endsLike(rows[i-1]) {
			l.buffer = append(l.buffer, end...)
			continue
		}
		start := len(l.buffer)
		l.buffer = appendEnd(l.buffer, r, request, at)
		end = l.buffer[start:]
	}
}

// endsLike reports whether lines about two rows have the same end.
func (r *Row) endsLike(other *Row) bool {
	return r.Status == other.Status && r.Code == other.Code && r.Message == other.Message &&
		slices.Equal(r.From, other.From) && slices.Equal(r.To, other.To)
}

// commit returns when everything that was recorded is on disk. Only one goroutine at a time may
// call it. Others may call record meanwhile.
func (l *Ledger) commit() error {
	l.mu.Lock()
	lines := l.buffer
	l.buffer, l.spare = l.spare[:0], lines
	l.mu.Unlock()
	if l.broken != nil || len(lines) == 0 {
		return l.broken
	}
	_, err := l.file.Write(lines)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		l.broken = fmt.Errorf("writing the ledger: %w", err)
	}
	return l.broken
}

// Close writes the remaining lines and closes the file. It does not repeat the error of a write
// that failed before.
func (l *Ledger) Close() error {
	if l.file == nil {
		return nil
	}
	var err error
	if l.broken == nil {
		err = l.commit()
	}
	err = errors.Join(err, l.file.Close())
	l.file = nil
	return err
}

// readLedger reads a plan or a ledger. The last lines of a ledger may not have reached the disk
// when the program or the machine crashed. From the first line on of which a part is missing, none
// counts: no call had waited for them. What was never written is missing at the end, or reads as
// zeros where something after it was written.
func readLedger(r io.Reader, name string) (*Ledger, error) {
	l := &reading{Ledger: &Ledger{Path: name}}
	if err := l.read(r); err != nil {
		return nil, err
	}
	return l.Ledger, nil
}

// reading is a plan or a ledger, as far as it was read.
type reading struct {
	*Ledger
	lines int
	rows  int              // of the plan
	event *document.Object // the latest with a time
}

// read reads a file from the end of the lines that were read already.
func (l *reading) read(r io.Reader) error {
	in, name := bufio.NewReaderSize(r, 256<<10), l.Path
	for ; ; l.lines++ {
		line := l.lines + 1
		text, err := sheet.ReadLine(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return badInput(name, line, "%v", err)
		}
		torn := text[len(text)-1] != '\n'
		var o *document.Object
		v, err := document.Parse(string(bytes.TrimSpace(text)))
		if err == nil {
			o, _ = v.(*document.Object)
		}
		if (torn || bytes.IndexByte(text, 0) >= 0) && (l.Job != "" || line == 1) {
			break
		}
		switch {
		case o == nil && line == 1:
			return badInput(name, line, "this is neither a plan nor a ledger")
		case o == nil:
			return badInput(name, line, "the line is damaged; it is not a JSON object")
		case line == 1:
			if l.rows, err = l.readHead(o); err == nil {
				l.Rows = make([]Row, 0, min(l.rows, 1<<20))
			}
		case line <= l.rows+1:
			err = l.readRow(o, l.rows)
		default:
			err = l.readEvent(o)
			if at, _ := o.Get("at"); at != nil { // a line with "sent" has none
				l.event = o
			}
		}
		if err != nil {
			return badInput(name, line, "%v", err)
		}
		l.whole += int64(len(text))
	}
	switch {
	case l.Account == "":
		return unbegun(name, 1, "the first line of the plan or ledger is missing; if this is a ledger, it was not begun, so no call was made: start the job again")
	case len(l.Rows) < l.rows && l.Job != "":
		return unbegun(name, len(l.Rows)+2, "the ledger ends before its plan does (%d of %d rows), so no call was made: start the job again", len(l.Rows), l.rows)
	case len(l.Rows) < l.rows:
		return badInput(name, len(l.Rows)+2, "the plan is cut off (%d of %d rows): make it again", len(l.Rows), l.rows)
	}
	if l.Latest = l.Began; l.event != nil {
		l.Latest = (&members{Object: l.event}).time("at")
	}
	return nil
}

func unbegun(name string, line int, format string, args ...any) error {
	e := badInput(name, line, format, args...).(*InputError)
	e.unbegun = true
	return e
}

// Unbegun reports whether an error of [ReadLedger] says that the ledger ends before its plan does:
// [Create] did not come to its end, so no call was made.
func Unbegun(err error) bool {
	e, ok := errors.AsType[*InputError](err)
	return ok && e.unbegun
}

// members reads the members of the object on a line. It keeps the first error.
type members struct {
	*document.Object
	err error
}

func (m *members) text(key string) string {
	v, _ := m.Get(key)
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok && m.err == nil {
		m.err = fmt.Errorf("%q is not a string", key)
	}
	return strings.Clone(s)
}

// time returns the zero time if there is none that can be read.
func (m *members) time(key string) time.Time {
	t, _ := time.Parse(time.RFC3339, m.text(key))
	return t
}

func (m *members) number(key string) int {
	v, _ := m.Get(key)
	if v == nil {
		return 0
	}
	n, _ := v.(document.Number)
	i, err := strconv.Atoi(string(n))
	if (err != nil || i < 0) && m.err == nil {
		m.err = fmt.Errorf("%q is not a number", key)
	}
	return i
}

// columns reads the heading of a table.
func (m *members) columns() []string {
	v, _ := m.Get("columns")
	list, _ := v.([]any)
	var columns []string
	for _, v := range list {
		name, ok := v.(string)
		if !ok {
			m.err = errors.New("\"columns\" is not a list of strings")
		}
		columns = append(columns, strings.Clone(name))
	}
	return columns
}

// cells reads the cells of a row of a file.
func (m *members) cells() Cells {
	v, _ := m.Get("cells")
	if v == nil {
		return ""
	}
	return Cells(document.AppendCompact(nil, v))
}

func (m *members) values(key string) Values {
	v, _ := m.Get(key)
	if v == nil {
		return nil
	}
	o, ok := v.(*document.Object)
	if !ok {
		m.err = fmt.Errorf("%q is not an object", key)
		return nil
	}
	out := make(Values, 0, o.Len())
	for _, e := range o.Members() {
		text, ok := e.Value.(string)
		f := slices.IndexFunc(fields(), func(f Field) bool { return f.String() == e.Key })
		if !ok || f < 0 {
			m.err = fmt.Errorf("%q has a member %.40q that makes no sense", key, e.Key)
			return nil
		}
		out = append(out, Value{Field(f), strings.Clone(text)})
	}
	return out
}

func fields() []Field {
	return []Field{License, UserType, AlexaEnabled, AlexaARN, Registration, Invitation}
}

func (l *Ledger) readHead(o *document.Object) (rows int, err error) {
	m := &members{Object: o}
	kind := m.text(kindKey)
	v := m.number("version")
	l.Head = Head{
		Action: Action(m.text("action")), Endpoint: m.text("endpoint"), Account: m.text("account"), Name: m.text("name"), Type: m.text("type"),
		Source: m.text("source"), Columns: m.columns(), Job: m.text("job"), Undoes: m.text("undoes"), By: m.text("by"),
		Set: m.values("set"), From: m.values("from"),
	}
	l.Began = m.time("at")
	rows = m.number("rows")
	_, known := l.Action.trait()
	switch {
	case m.err != nil:
		return 0, m.err
	case kind != planKind && kind != ledgerKind:
		return 0, errors.New("this is neither a plan nor a ledger")
	case v != version:
		return 0, fmt.Errorf("it is of version %d; this program reads version %d", v, version)
	case !known:
		return 0, fmt.Errorf("there is no action %q", l.Action)
	case l.Account == "" || (l.Job == "") != (kind == planKind):
		return 0, errors.New("its account or its job is missing")
	}
	return rows, nil
}

func readLedgerRow(o *document.Object, shared *sharing) (Row, error) {
	m := &members{Object: o}
	r := Row{
		Status: Status(m.text("status")), Number: m.number("row"), Line: m.number("line"), User: m.text("user"), Email: m.text("email"),
		From: shared.share(m.values("from")), To: shared.share(m.values("to")), Code: m.text("code"), Message: m.text("message"),
		Cells: m.cells(),
	}
	switch r.Status {
	case Planned, Sent, Done, Failed, Skipped:
	default:
		return r, fmt.Errorf("there is no status %q", r.Status)
	}
	return r, m.err
}

func (l *Ledger) readRow(o *document.Object, rows int) error {
	r, err := readLedgerRow(o, &l.shared)
	switch {
	case err != nil:
		return err
	case r.Number != len(l.Rows)+1:
		return fmt.Errorf("row %d is expected, this is row %d: a line is missing or the file was sorted", len(l.Rows)+1, r.Number)
	case r.Status == Sent || r.Status == Done:
		return fmt.Errorf("a plan of %d rows is expected, this is the line of a call", rows)
	}
	l.Rows = append(l.Rows, r)
	return nil
}

// readEvent updates a row from a line about a call.
func (l *Ledger) readEvent(o *document.Object) error {
	r, err := readLedgerRow(o, &l.shared)
	if err != nil {
		return err
	}
	if r.Number < 1 || r.Number > len(l.Rows) {
		return fmt.Errorf("there is no row %d", r.Number)
	}
	row := &l.Rows[r.Number-1]
	if r.User != row.User && row.User != "" && row.Status != Failed { // a retry may find another one
		return fmt.Errorf("row %d is about user %s, not %s", r.Number, row.User, r.User)
	}
	if r.Status == Sent {
		row.Status = Sent
		return nil
	}
	r.Line, r.Cells = row.Line, row.Cells
	if r.Email == "" { // a line about a call has only the id of the user
		r.Email = row.Email
	}
	*row = r
	return nil
}
