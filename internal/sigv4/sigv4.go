// Package sigv4 signs requests with AWS Signature Version 4, and verifies such signatures, in the
// form of the Authorization header. Both ends use the same canonical form, that of
// [Request.AppendCanonical], so they cannot drift apart.
//
// To sign, make a [Key], fill a [Request] and call [Key.Authorization]. To verify, [Parse] the
// header, fill a Request with what was received and the header's SignedHeaders, make the Key from
// the access key's secret and the header's Scope, and call [Key.Verify].
//
// The rules are those of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// for services other than S3: the path is normalized, and encoded once more than it was sent.
//
// The caller decides what a signature must cover besides the host, how old it may be, and which
// regions are accepted.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Algorithm is the first word of the Authorization header.
	Algorithm = "AWS4-HMAC-SHA256"

	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
)

// FormatTime returns t in the form of the X-Amz-Date header, in UTC. The first eight characters are
// the Day of a [Scope].
func FormatTime(t time.Time) string { return t.UTC().Format(timeFormat) }

// ParseTime reads the value of an X-Amz-Date header.
func ParseTime(s string) (time.Time, error) {
	// The length check refuses a fraction of a second, which time.Parse would let pass.
	if t, err := time.Parse(timeFormat, s); err == nil && len(s) == len(timeFormat) {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("date %q is not of the form YYYYMMDDThhmmssZ", s)
}

// HashPayload returns the hash of a body that a signature covers. No body counts as an empty one.
func HashPayload(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// IsHash reports whether s has the form of a hash from HashPayload, which is also that of a
// signature.
func IsHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// Request is the part of an HTTP request that a signature covers, as sent.
type Request struct {
	Method string
	Path   string // percent-encoded, as on the wire; empty is "/"
	Query  string // percent-encoded, as on the wire, without the question mark
	Date   string // the X-Amz-Date header
	// Header returns the value of a header by its lower-case name, including "host". The value is
	// empty if the header is missing. Several values are joined by commas.
	Header        func(name string) string
	SignedHeaders string // lower-case names in order, separated by semicolons
	PayloadHash   string // from HashPayload
}

// AppendCanonical appends the canonical form of the request: the text whose hash is signed.
func (r *Request) AppendCanonical(b []byte) []byte {
	b = append(append(b, r.Method...), '\n')
	b = append(appendPath(b, r.Path), '\n')
	b = append(appendQuery(b, r.Query), '\n')
	for name := range strings.SplitSeq(r.SignedHeaders, ";") {
		b = append(append(b, name...), ':')
		b = append(appendHeader(b, r.Header(name)), '\n')
	}
	b = append(b, '\n')
	b = append(append(b, r.SignedHeaders...), '\n')
	return append(b, r.PayloadHash...)
}

// appendPath appends an encoded path, encoded once more (%20 becomes %2520), without empty and "."
// segments and with ".." segments resolved.
func appendPath(b []byte, path string) []byte {
	start := len(b)
	b = append(b, '/')
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			for len(b) > start+1 {
				b = b[:len(b)-1]
				if b[len(b)-1] == '/' {
					break
				}
			}
		default:
			b = append(appendEncoded(b, segment), '/')
		}
	}
	if len(b) > start+1 && !strings.HasSuffix(path, "/") {
		b = b[:len(b)-1]
	}
	return b
}

// appendQuery appends the parameters, encoded again and then sorted by name and value. Encoding
// them again removes differences between senders: a plain "@" is signed as "%40".
func appendQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}
	var pairs [][2]string
	for p := range strings.SplitSeq(query, "&") {
		if p != "" {
			name, value, _ := strings.Cut(p, "=")
			pairs = append(pairs, [2]string{reencode(name), reencode(value)})
		}
	}
	slices.SortFunc(pairs, func(x, y [2]string) int { return slices.Compare(x[:], y[:]) })
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p[0]...), '='), p[1]...)
	}
	return b
}

// appendHeader appends a value without the blanks around it, and with one blank for each run of
// blanks inside.
func appendHeader(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			b = append(b, value[i])
		}
	}
	return b
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func appendEncoded(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// reencode decodes a part of a query leniently and encodes it in the one form that is signed.
func reencode(s string) string {
	clean := true
	for i := 0; clean && i < len(s); i++ {
		clean = unreserved(s[i])
	}
	if clean {
		return s
	}
	plain := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s):
			if n, err := hex.AppendDecode(plain, []byte(s[i+1:i+3])); err == nil {
				plain = n
				i += 2
				continue
			}
		}
		plain = append(plain, c)
	}
	return string(appendEncoded(nil, string(plain)))
}

// Scope says where and on which day a signature is valid.
type Scope struct {
	Day     string // YYYYMMDD, as at the beginning of X-Amz-Date
	Region  string
	Service string
}

// String returns the scope in the form that is signed.
func (s Scope) String() string {
	return s.Day + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// Key signs for one secret and one scope. Deriving a key costs more than using it, so programs that
// sign or verify often should keep it. Its methods may be called concurrently.
type Key struct {
	scope  string
	states sync.Pool // of hash.Hash, each set up with the derived key
}

// NewKey derives the key of a secret access key for a scope.
func NewKey(secret string, scope Scope) *Key {
	key := []byte("AWS4" + secret)
	for _, part := range []string{scope.Day, scope.Region, scope.Service, terminator} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	k := &Key{scope: scope.String()}
	k.states.New = func() any { return hmac.New(sha256.New, key) }
	return k
}

// Sign returns the signature of a request, 64 lower-case hexadecimal digits.
func (k *Key) Sign(r *Request) string { return string(k.appendSignature(nil, r)) }

// Verify reports whether the signature belongs to the request. It takes the same time wherever the
// signatures differ.
func (k *Key) Verify(r *Request, signature string) bool {
	return hmac.Equal(k.appendSignature(nil, r), []byte(signature))
}

// Authorization signs a request and returns the Authorization header to send with it.
func (k *Key) Authorization(accessKey string, r *Request) string {
	return Algorithm + " Credential=" + accessKey + "/" + k.scope +
		", SignedHeaders=" + r.SignedHeaders + ", Signature=" + k.Sign(r)
}

func (k *Key) appendSignature(b []byte, r *Request) []byte {
	sum := sha256.Sum256(r.AppendCanonical(make([]byte, 0, 1024)))
	text := make([]byte, 0, 256)
	text = append(text, Algorithm+"\n"...)
	text = append(append(text, r.Date...), '\n')
	text = append(append(text, k.scope...), '\n')
	text = hex.AppendEncode(text, sum[:])

	mac := k.states.Get().(hash.Hash)
	defer k.states.Put(mac)
	mac.Reset()
	mac.Write(text)
	return hex.AppendEncode(b, mac.Sum(sum[:0]))
}

// Authorization is what an Authorization header says.
type Authorization struct {
	AccessKey     string
	Scope         Scope
	SignedHeaders string // as sent: see Request
	Signature     string
}

// Parse reads an Authorization header. It refuses a header that cannot be verified: one with
// another algorithm (the error is [ErrAlgorithm]), with a part that is missing, repeated, unknown
// or malformed, or with signed headers that are not lower-case names in strictly rising order,
// including host.
func Parse(header string) (Authorization, error) {
	rest, ok := strings.CutPrefix(header, Algorithm+" ")
	if !ok {
		return Authorization{}, ErrAlgorithm
	}
	var a Authorization
	var credential string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.Trim(part, " "), "=")
		var field *string
		switch name {
		case "Credential":
			field = &credential
		case "SignedHeaders":
			field = &a.SignedHeaders
		case "Signature":
			field = &a.Signature
		default:
			return Authorization{}, fmt.Errorf("authorization header has an unknown part %q", name)
		}
		if *field != "" {
			return Authorization{}, fmt.Errorf("authorization header has two parts %s", name)
		}
		if value == "" {
			return Authorization{}, fmt.Errorf("authorization header has an empty part %s", name)
		}
		*field = value
	}
	f := strings.Split(credential, "/")
	if len(f) != 5 || f[0] == "" || !isDay(f[1]) || f[3] == "" || f[4] != terminator {
		return Authorization{}, fmt.Errorf("credential %q is not of the form KEY/YYYYMMDD/REGION/SERVICE/%s", credential, terminator)
	}
	a.AccessKey, a.Scope = f[0], Scope{f[1], f[2], f[3]}
	if err := checkSignedHeaders(a.SignedHeaders); err != nil {
		return Authorization{}, err
	}
	if !IsHash(a.Signature) {
		return Authorization{}, errors.New("signature is not 64 lower-case hexadecimal digits")
	}
	return a, nil
}

// ErrAlgorithm is returned for a header that does not begin with the name of the algorithm.
var ErrAlgorithm = errors.New("authorization header does not begin with " + Algorithm)

func isDay(s string) bool { return len(s) == 8 && strings.Trim(s, "0123456789") == "" }

func checkSignedHeaders(list string) error {
	host, last := false, ""
	for name := range strings.SplitSeq(list, ";") {
		if name <= last || strings.ContainsAny(name, " :\n") || strings.ToLower(name) != name {
			return fmt.Errorf("signed headers %q are not lower-case names in order, separated by semicolons", list)
		}
		host = host || name == "host"
		last = name
	}
	if !host {
		return fmt.Errorf("signed headers %q do not include host", list)
	}
	return nil
}
