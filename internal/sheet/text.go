package sheet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// sampleSize is how far a file is looked at before it is read.
const sampleSize = 64 << 10

var (
	zipMark = []byte("PK\x03\x04")                       // of workbooks, .xlsx and others
	oleMark = []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") // of .xls, and of .xlsx with a password
)

// Decode returns the text of a file as UTF-8 without a byte order mark. It understands UTF-8 and
// UTF-16 with and without one, and makes line feeds of line ends that are carriage returns alone.
// Anything else passes as it is: [Lines] refuses it, and [Open] reads workbooks.
//
// What Decode has returned may be decoded again, to no effect.
func Decode(r io.Reader) *bufio.Reader {
	in, ok := r.(*bufio.Reader)
	if !ok || in.Size() < sampleSize {
		in = bufio.NewReaderSize(&lastingReader{in: r}, sampleSize)
	}
	start, _ := in.Peek(1 << 10)
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(start, zipMark), bytes.HasPrefix(start, oleMark):
		return in
	case bytes.HasPrefix(start, []byte("\uFEFF")):
		in.Discard(len("\uFEFF"))
	case bytes.HasPrefix(start, []byte{0xFF, 0xFE}):
		in.Discard(2)
		order = binary.LittleEndian
	case bytes.HasPrefix(start, []byte{0xFE, 0xFF}):
		in.Discard(2)
		order = binary.BigEndian
	default:
		order = unmarkedOrder(start)
	}
	if order != nil {
		in = bufio.NewReaderSize(transform.NewReader(in, utf16Text{order}), sampleSize)
	}
	if start, err := in.Peek(sampleSize); endsInCR(start, err != nil) {
		in = bufio.NewReaderSize(crReader{in}, sampleSize)
	}
	return in
}

// lastingReader returns an error again and again: looking ahead in a [bufio.Reader] forgets it.
type lastingReader struct {
	in  io.Reader
	err error
}

func (l *lastingReader) Read(p []byte) (n int, err error) {
	if l.err == nil {
		n, l.err = l.in.Read(p)
	}
	return n, l.err
}

// unmarkedOrder recognizes UTF-16 without a byte order mark by the zero bytes of its ASCII
// characters, and is nil for everything else. A table has many: separators, line ends, addresses.
func unmarkedOrder(start []byte) binary.ByteOrder {
	var zeros [2]int // at even and odd places
	for i, b := range start {
		if b == 0 {
			zeros[i&1]++
		}
	}
	enough := max(1, len(start)/8)
	switch {
	case zeros[1] >= enough && zeros[0] <= zeros[1]/8:
		return binary.LittleEndian
	case zeros[0] >= enough && zeros[1] <= zeros[0]/8:
		return binary.BigEndian
	}
	return nil
}

// ErrUTF16 is the error of [Decode]'s text where a file in UTF-16 is damaged.
var ErrUTF16 = errors.New("the text is UTF-16, and half a character is missing here")

// utf16Text makes UTF-8 of UTF-16. The decoder of golang.org/x/text replaces half characters, which
// would change what a cell says.
type utf16Text struct{ order binary.ByteOrder }

func (utf16Text) Reset() {}

// Transform is that of a [transform.Transformer].
func (t utf16Text) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, size := utf8.RuneError, 2
		if len(src)-nSrc >= 2 {
			r = rune(t.order.Uint16(src[nSrc:]))
		}
		if len(src)-nSrc >= 4 && utf16.IsSurrogate(r) {
			r, size = utf16.DecodeRune(r, rune(t.order.Uint16(src[nSrc+2:]))), 4
			if r == utf8.RuneError {
				return nDst, nSrc, ErrUTF16
			}
		}
		switch {
		case (len(src)-nSrc < size || utf16.IsSurrogate(r)) && atEOF:
			return nDst, nSrc, ErrUTF16
		case len(src)-nSrc < size || utf16.IsSurrogate(r):
			return nDst, nSrc, transform.ErrShortSrc
		case len(dst)-nDst < utf8.RuneLen(r):
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// crReader makes line feeds of carriage returns.
type crReader struct{ in io.Reader }

func (c crReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// endsInCR reports whether lines end in a carriage return alone, by the first line end outside of
// quotation marks. Whole says that nothing follows the start.
func endsInCR(start []byte, whole bool) bool {
	quoted := false
	for i, b := range start {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '\n':
			return false
		case b == '\r' && i+1 < len(start):
			return start[i+1] != '\n'
		case b == '\r':
			return whole
		}
	}
	return false
}

// First returns the first character of a text that is neither blank nor the end of a line, and
// nothing if there is none. It tells JSON from a table. It does not move the reader, and looks at
// the first 64 KiB.
func First(in *bufio.Reader) (string, error) {
	start, err := in.Peek(sampleSize)
	start = bytes.TrimLeft(start, " \t\r\n")
	if len(start) == 0 && err != nil && err != io.EOF {
		return "", unreadable(1, err)
	}
	return string(start[:min(1, len(start))]), nil
}

// ErrLongLine is the error for a line of more than [MaxLine] bytes.
var ErrLongLine = fmt.Errorf("the line has more than %d bytes", MaxLine)

// ReadLine returns the next line with its end, which the last line may lack, and [io.EOF] after
// that one. A line of more than [MaxLine] bytes is an [ErrLongLine]. The line holds until the next
// read.
func ReadLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull && len(long) <= MaxLine {
			line, err = in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case len(line) > MaxLine:
		return nil, ErrLongLine
	case err == io.EOF && len(line) > 0:
		return line, nil
	}
	return line, err
}

// Lines reads a text line by line. It checks the encoding, the length of lines and the size of the
// whole. Its errors are an [Error], but for [io.EOF].
type Lines struct {
	in     *bufio.Reader
	number int // of the line that was returned last
	size   int
}

// NewLines reads what [Decode] returned.
func NewLines(in *bufio.Reader) *Lines { return &Lines{in: in} }

// Number returns the number of the line that Next returned last, from 1.
func (l *Lines) Number() int { return l.number }

// Next returns the next line with its end, and [io.EOF] after the last one. The line holds until
// the next call.
func (l *Lines) Next() ([]byte, error) {
	line, err := ReadLine(l.in)
	if err == io.EOF {
		return nil, err
	}
	l.number++
	l.size += len(line)
	switch {
	case err == ErrLongLine:
		return nil, wrong(l.number, "%v; is this a file of rows?", err)
	case err != nil:
		return nil, unreadable(l.number, err)
	case l.size > MaxFile:
		return nil, tooLarge(l.number)
	case !utf8.Valid(line):
		return nil, wrong(l.number, "%s", notUTF8(line))
	case bytes.IndexByte(line, 0) >= 0:
		return nil, wrong(l.number, "the line holds a zero byte; is this a file of rows? If so, save it as \"CSV UTF-8\"")
	}
	return line, nil
}

// notUTF8 says where a line is not UTF-8, and what to do. It does not guess: a line has too few
// letters to tell Windows-1252 from Shift JIS, GB 18030 or the encoding of an old Macintosh.
func notUTF8(line []byte) string {
	at := 0
	for r, n := utf8.DecodeRune(line); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(line[at:]) {
		at += n
	}
	excerpt := line[max(0, at-10):min(len(line), at+5)]
	return fmt.Sprintf("the text is neither UTF-8 nor UTF-16, but perhaps Windows-1252 or another encoding "+
		"(byte 0x%02X in %q); save the file as \"CSV UTF-8\"", line[at], excerpt)
}
