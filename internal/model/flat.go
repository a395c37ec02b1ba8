package model

import (
	"encoding/binary"
	"errors"
	"strings"
)

// The flat form of a service is one text:
//
//	magic                 names the version of the form
//	6 numbers of 4 bytes  where the record of the service, the table of operations, that of shapes
//	                      and the strings begin, and how many operations and shapes there are
//	records               of the service, of each operation and shape
//	tables                of each operation: where its record and its two names are; of each shape:
//	                      where its record is
//	strings               each once; all else names a string by its offset and length
//
// Numbers are little-endian. Within a record, numbers are varints and shapes are named by their
// number, so one operation is decoded with the shapes that it reaches, and no other. Strings are
// parts of the text: nothing is copied. Reading never fails: in a damaged text, which the caller
// should have noticed, what is out of range is empty.

// Form is the version of the form, for the names of files with such a text.
const Form = "3"

const (
	magic        = "carillon model " + Form + "\n"
	headerSize   = len(magic) + 6*4
	operationRow = 5 * 4
)

// AppendFlat appends the flat form of a service.
func AppendFlat(b []byte, s *Service) []byte {
	w := &coder{numbers: map[*Shape]int{}, offsets: map[string]int{}}
	head := make([]byte, headerSize)
	w.base = headerSize
	w.service(s)
	type row struct{ at, name, command int }
	var rows []row
	for _, op := range s.All() {
		rows = append(rows, row{w.base + len(w.out), w.intern(op.Name), w.intern(op.Command)})
		w.operation(op)
	}
	var shapes []int
	for i := 0; i < len(w.shapes); i++ { // grows while it is written
		shapes = append(shapes, w.base+len(w.out))
		w.shape(w.shapes[i])
	}
	put := func(n int) { w.out = binary.LittleEndian.AppendUint32(w.out, uint32(n)) }
	operationsAt := w.base + len(w.out)
	for i, op := range s.All() {
		put(rows[i].at)
		put(rows[i].name)
		put(len(op.Name))
		put(rows[i].command)
		put(len(op.Command))
	}
	shapesAt := w.base + len(w.out)
	for _, at := range shapes {
		put(at)
	}
	copy(head, magic)
	for i, n := range []int{w.base, operationsAt, shapesAt, w.base + len(w.out), len(rows), len(shapes)} {
		binary.LittleEndian.PutUint32(head[len(magic)+4*i:], uint32(n))
	}
	return append(append(append(b, head...), w.out...), w.pool.String()...)
}

// Open returns the service of a flat form. It is an error if the text is none of this version.
func Open(text string) (*Service, error) {
	if !strings.HasPrefix(text, magic) || len(text) < headerSize {
		return nil, errors.New("the text is not a model in the flat form of this version")
	}
	s := &Service{Flat: &text}
	r := s.reader()
	r.at = r.head(recordAt)
	r.service(s)
	return s, nil
}

// The numbers in the head of a flat form.
const (
	recordAt = iota
	operationsAt
	shapesAt
	stringsAt
	operationCount
	shapeCount
)

// All returns all operations, in the order of the model.
func (s *Service) All() []*Operation {
	if s.Flat == nil {
		return s.Operations
	}
	s.decoded.mu.Lock()
	defer s.decoded.mu.Unlock()
	r := s.reader()
	all := make([]*Operation, r.operations())
	for i := range all {
		all[i] = s.decode(r, i)
	}
	return all
}

// Commands returns the commands of all operations, in the order of the model.
func (s *Service) Commands() []string {
	if s.Flat == nil {
		all := make([]string, len(s.Operations))
		for i, op := range s.Operations {
			all[i] = op.Command
		}
		return all
	}
	r := s.reader()
	all := make([]string, r.operations())
	for i := range all {
		_, all[i] = r.names(i)
	}
	return all
}

// Operation returns the operation of the given API name ("BatchUpdateUser"), or nil.
func (s *Service) Operation(name string) *Operation {
	return s.find(func(n, _ string) bool { return n == name })
}

// OperationOf returns the operation of the given command ("batch-update-user"), or nil.
func (s *Service) OperationOf(command string) *Operation {
	return s.find(func(_, c string) bool { return c == command })
}

func (s *Service) find(wanted func(name, command string) bool) *Operation {
	if s.Flat == nil {
		for _, op := range s.Operations {
			if wanted(op.Name, op.Command) {
				return op
			}
		}
		return nil
	}
	r := s.reader()
	for i := range r.operations() {
		if wanted(r.names(i)) {
			s.decoded.mu.Lock()
			defer s.decoded.mu.Unlock()
			return s.decode(r, i)
		}
	}
	return nil
}

// Waiter returns the waiter of the given command ("thing-ready"), or nil.
func (s *Service) Waiter(command string) *Waiter {
	for _, w := range s.Waiters {
		if w.Command == command {
			return w
		}
	}
	return nil
}

// decode returns the operation of a number, the same each time.
func (s *Service) decode(r *coder, i int) *Operation {
	d := &s.decoded
	if d.operations == nil {
		d.operations = make([]*Operation, r.operations())
		d.shapes = make([]*Shape, min(r.head(shapeCount), len(r.text)/4))
	}
	if d.operations[i] == nil {
		op := new(Operation)
		d.operations[i] = op
		r.at = r.number4(r.head(operationsAt) + i*operationRow)
		r.shapes = d.shapes
		r.operation(op)
	}
	return d.operations[i]
}

// coder writes records, or with a text reads them: each method below does both, so the two cannot
// differ.
type coder struct {
	text string // nil when writing
	at   int

	out     []byte
	base    int // offset of out
	pool    strings.Builder
	offsets map[string]int // of strings in the pool
	numbers map[*Shape]int
	shapes  []*Shape // by number
}

func (s *Service) reader() *coder { return &coder{text: *s.Flat} }

func (c *coder) reading() bool { return c.text != "" }

// number4 reads the number at an offset.
func (c *coder) number4(at int) int {
	if at < 0 || at+4 > len(c.text) {
		return 0
	}
	return int(uint32(c.text[at]) | uint32(c.text[at+1])<<8 | uint32(c.text[at+2])<<16 | uint32(c.text[at+3])<<24)
}

func (c *coder) head(i int) int { return c.number4(len(magic) + 4*i) }

// operations returns how many operations there are.
func (c *coder) operations() int { return min(c.head(operationCount), len(c.text)/operationRow) }

func (c *coder) names(i int) (name, command string) {
	at := c.head(operationsAt) + i*operationRow
	return c.part(c.number4(at+4), c.number4(at+8)), c.part(c.number4(at+12), c.number4(at+16))
}

// part returns a string of the pool.
func (c *coder) part(offset, length int) string {
	from := c.head(stringsAt) + offset
	if offset < 0 || length < 0 || length > len(c.text) || from+length > len(c.text) {
		return ""
	}
	return c.text[from : from+length]
}

func (c *coder) intern(s string) int {
	if at, ok := c.offsets[s]; ok {
		return at
	}
	at := c.pool.Len()
	c.pool.WriteString(s)
	c.offsets[s] = at
	return at
}

// number is a varint, at most a few times 10^9 when it is read.
func (c *coder) number(n *int) {
	if !c.reading() {
		c.out = binary.AppendVarint(c.out, int64(*n))
		return
	}
	var ux uint64
	for shift := 0; c.at < len(c.text) && shift < 64; shift += 7 {
		b := c.text[c.at]
		c.at++
		ux |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	*n = int(int64(ux>>1) ^ -int64(ux&1))
}

func (c *coder) string(s *string) {
	length := len(*s)
	c.number(&length)
	if length == 0 {
		*s = ""
		return
	}
	offset := 0
	if !c.reading() {
		offset = c.intern(*s)
	}
	c.number(&offset)
	if c.reading() {
		*s = c.part(offset, length)
	}
}

// length is the length of a list, which when it is read is bounded by what is left.
func (c *coder) length(n int) int {
	c.number(&n)
	if c.reading() {
		n = max(0, min(n, len(c.text)-c.at))
	}
	return n
}

func (c *coder) strings(list *[]string) {
	n := c.length(len(*list))
	if c.reading() && n > 0 {
		*list = make([]string, n)
	}
	for i := range n {
		c.string(&(*list)[i])
	}
}

// flags are up to a few booleans in one number.
func (c *coder) flags(flags ...*bool) {
	n := 0
	for i, f := range flags {
		if *f {
			n |= 1 << i
		}
	}
	c.number(&n)
	for i, f := range flags {
		*f = n>>i&1 != 0
	}
}

// ref is a shape by its number, or none.
func (c *coder) ref(s **Shape) {
	n := 0
	if !c.reading() && *s != nil {
		i, ok := c.numbers[*s]
		if !ok {
			i = len(c.shapes)
			c.numbers[*s] = i
			c.shapes = append(c.shapes, *s)
		}
		n = i + 1
	}
	c.number(&n)
	if !c.reading() || n < 1 || n > len(c.shapes) {
		return
	}
	if c.shapes[n-1] == nil {
		c.shapes[n-1] = new(Shape) // known before it is read: it may reach itself
		here := c.at
		c.at = c.number4(c.head(shapesAt) + 4*(n-1))
		c.shape(c.shapes[n-1])
		c.at = here
	}
	*s = c.shapes[n-1]
}

func (c *coder) namespace(n *Namespace) {
	c.string(&n.URI)
	c.string(&n.Prefix)
}

func (c *coder) service(s *Service) {
	c.string(&s.Command)
	c.string(&s.ID)
	c.string(&s.Version)
	c.string((*string)(&s.Protocol))
	c.string(&s.EndpointPrefix)
	c.string(&s.SigningName)
	c.string(&s.GlobalRegion)
	c.string((*string)(&s.Auth))
	c.string(&s.TargetPrefix)
	c.string(&s.JSONVersion)
	c.flags(&s.QueryMode)
	c.namespace(&s.Namespace)
	c.string(&s.Rules)
	n := c.length(len(s.Waiters))
	if c.reading() && n > 0 {
		s.Waiters = make([]*Waiter, n)
	}
	for i := range n {
		if c.reading() {
			s.Waiters[i] = new(Waiter)
		}
		c.waiter(s.Waiters[i])
	}
}

func (c *coder) waiter(w *Waiter) {
	c.string(&w.Name)
	c.string(&w.Command)
	c.string(&w.Operation)
	c.number(&w.Delay)
	c.number(&w.MaxAttempts)
	n := c.length(len(w.Acceptors))
	if c.reading() && n > 0 {
		w.Acceptors = make([]Acceptor, n)
	}
	for i := range n {
		a := &w.Acceptors[i]
		c.string(&a.State)
		c.string(&a.Matcher)
		c.string(&a.Argument)
		c.string(&a.Expected)
	}
}

func (c *coder) operation(op *Operation) {
	c.string(&op.Name)
	c.string(&op.Command)
	c.string(&op.Method)
	c.string(&op.Path)
	c.string(&op.Query)
	c.number(&op.Status)
	c.ref(&op.Input)
	c.ref(&op.Output)
	c.string(&op.ItemErrors)
	c.string(&op.HostPrefix)
	c.string((*string)(&op.Auth))
	c.string(&op.ResultWrapper)
	c.string(&op.Root)
	c.namespace(&op.Namespace)
	pages := op.Paginator != nil
	broken := op.Fault != ""
	contextual := len(op.ContextParams) > 0
	c.flags(&pages, &op.Checksum, &broken, &contextual)
	if broken {
		c.string(&op.Fault)
	}
	if contextual {
		n := c.length(len(op.ContextParams))
		if c.reading() {
			op.ContextParams = make([]ContextParam, n)
		}
		for i := range n {
			c.string(&op.ContextParams[i].Name)
			c.string(&op.ContextParams[i].Value)
			c.string(&op.ContextParams[i].Path)
		}
	}
	if !pages {
		return
	}
	if c.reading() {
		op.Paginator = new(Paginator)
	}
	p := op.Paginator
	c.strings(&p.InputTokens)
	c.strings(&p.OutputTokens)
	c.string(&p.LimitKey)
	c.strings(&p.ResultKeys)
	c.string(&p.MoreResults)
	c.strings(&p.NonAggregate)
}

func (c *coder) shape(s *Shape) {
	c.string(&s.Name)
	kind := int(s.Kind)
	c.number(&kind)
	s.Kind = Kind(kind)
	c.flags(&s.Sensitive, &s.Union, &s.Document, &s.Flattened)
	c.number(&s.Min)
	c.number(&s.Max)
	switch s.Kind {
	case String:
		c.strings(&s.Enum)
		c.string(&s.Pattern)
	case Timestamp:
		c.string(&s.Format)
	case List:
		c.ref(&s.Element)
		c.string(&s.ElementName)
	case Map:
		c.ref(&s.Key)
		c.ref(&s.Value)
		c.string(&s.KeyName)
		c.string(&s.ValueName)
	case Structure:
		c.strings(&s.Required)
		c.string(&s.Payload)
		n := c.length(len(s.Members))
		if c.reading() && n > 0 {
			s.Members = make([]Member, n)
		}
		for i := range n {
			c.member(&s.Members[i])
		}
	}
	c.namespace(&s.Namespace)
	if c.reading() {
		s.complete()
	}
}

// complete gives a list and a map that damage has left without elements some.
func (s *Shape) complete() {
	for _, part := range []**Shape{&s.Element, &s.Key, &s.Value} {
		if *part == nil && (s.Kind == List && part == &s.Element || s.Kind == Map && part != &s.Element) {
			*part = &Shape{Kind: String, Min: Unbounded, Max: Unbounded}
		}
	}
}

func (c *coder) member(m *Member) {
	c.string(&m.Name)
	c.string(&m.Option)
	c.ref(&m.Shape)
	if c.reading() && m.Shape == nil {
		m.Shape = &Shape{Kind: String, Min: Unbounded, Max: Unbounded}
	}
	location := int(m.Location)
	c.number(&location)
	m.Location = Location(location)
	c.string(&m.WireName)
	c.string(&m.QueryName)
	c.flags(&m.Required, &m.IdempotencyToken, &m.Streaming, &m.JSONValue, &m.HostLabel, &m.XMLAttribute)
}
