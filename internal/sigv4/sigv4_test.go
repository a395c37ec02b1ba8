package sigv4_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/sigv4"
)

const secret = "an/example+secret"

// received describes an http.Request as the receiving end sees it.
func received(req *http.Request, body []byte, signedHeaders string) *sigv4.Request {
	return &sigv4.Request{
		Method: req.Method,
		Path:   req.URL.EscapedPath(),
		Query:  req.URL.RawQuery,
		Date:   req.Header.Get("X-Amz-Date"),
		Header: func(name string) string {
			switch name {
			case "host":
				return req.Host
			case "content-length":
				return strconv.FormatInt(req.ContentLength, 10)
			}
			var values []string
			for _, v := range req.Header.Values(name) {
				values = append(values, strings.Trim(v, " ")) // blanks around a value do not survive the wire
			}
			return strings.Join(values, ",")
		},
		SignedHeaders: signedHeaders,
		PayloadHash:   sigv4.HashPayload(body),
	}
}

// Whatever AWS's own signer for Go signs must verify. The test generates paths in normal form,
// since that signer, unlike those for other languages, leaves the normalizing to its caller.
func TestVerify_SDK(t *testing.T) {
	signer := v4.NewSigner()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune(`aZ0-._~ /+%&=;:,@?#"'ü€😀`)), 1, 8, -1)
		path := ""
		for _, s := range rapid.SliceOfN(text.Filter(func(s string) bool { return s != "." && s != ".." }), 1, 4).Draw(t, "path") {
			path += "/" + url.PathEscape(s)
		}
		query := url.Values(rapid.MapOfN(text, rapid.SliceOfN(text, 0, 3), 0, 4).Draw(t, "query"))
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		target := "http://" + rapid.SampledFrom([]string{"chime.example", "127.0.0.1:24463", "[::1]:8"}).Draw(t, "host") + path
		if len(query) > 0 {
			target += "?" + query.Encode()
		}
		req, err := http.NewRequest(rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(t, "method"), target, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.StringOf(rapid.RuneFrom([]rune("a  bü;:,=")))
		for name, values := range rapid.MapOfN(rapid.SampledFrom([]string{"Content-Type", "X-Amz-Meta", "Amz-Sdk-Request", "Range"}),
			rapid.SliceOfN(value, 1, 2), 0, 4).Draw(t, "headers") {
			for _, v := range values {
				req.Header.Add(name, v)
			}
		}
		now := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0)
		region := rapid.SampledFrom([]string{"us-east-1", "cn-north-1", "nowhere"}).Draw(t, "region")
		creds := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret, SessionToken: rapid.SampledFrom([]string{"", "a/token=="}).Draw(t, "token")}
		if err := signer.SignHTTP(context.Background(), creds, req, sigv4.HashPayload(body), "chime", region, now); err != nil {
			t.Fatal(err)
		}

		header := req.Header.Get("Authorization")
		got, err := sigv4.Parse(header)
		if err != nil {
			t.Fatalf("Parse(%q): %v", header, err)
		}
		if want := (sigv4.Scope{Day: sigv4.FormatTime(now)[:8], Region: region, Service: "chime"}); got.AccessKey != "AKIDEXAMPLE" || got.Scope != want {
			t.Fatalf("Parse(%q) = %+v, want scope %+v", header, got, want)
		}
		r := received(req, body, got.SignedHeaders)
		key := sigv4.NewKey(secret, got.Scope)
		if !key.Verify(r, got.Signature) {
			t.Fatalf("signature of %s %s does not verify; canonical form:\n%s", req.Method, req.URL, r.AppendCanonical(nil))
		}
		if again := key.Authorization("AKIDEXAMPLE", r); again != header {
			t.Fatalf("Authorization = %q, want %q", again, header)
		}
	})
}

func TestAppendCanonical(t *testing.T) {
	headers := map[string]string{"host": "chime.example:8443", "x-amz-date": "20260102T030405Z", "x-note": " \t two   blanks \t"}
	for _, test := range []struct{ path, query, want string }{
		{"", "", "/\n"},
		{"/", "", "/\n"},
		{"/accounts/a/users", "", "/accounts/a/users\n"},
		{"/accounts//users", "", "/accounts/users\n"},
		{"/accounts/./users/../b/", "", "/accounts/b/\n"},
		{"/../../a", "", "/a\n"},
		{"/a/..", "", "/\n"},
		{"/a/../", "", "/\n"},
		{"/a//", "", "/a/\n"},
		{"/a/%2E%2E/b", "", "/a/%252E%252E/b\n"},
		{"/a%20b/%2B1:x", "", "/a%2520b/%252B1%3Ax\n"},
		{"/ü", "", "/%C3%BC\n"},
		{"/", "b=2&a=1", "/\na=1&b=2"},
		{"/", "a=2&a=1&a", "/\na=&a=1&a=2"},
		{"/", "operation=suspend", "/\noperation=suspend"},
		{"/", "a-b=1&a=2", "/\na=2&a-b=1"},
		{"/", "a=b/c&a=b-d", "/\na=b%2Fc&a=b-d"},
		{"/", "user-email=a@b.c", "/\nuser-email=a%40b.c"},
		{"/", "user-email=a%40b.c&&", "/\nuser-email=a%40b.c"},
		{"/", "a=%7e%2f+x=y", "/\na=~%2F%20x%3Dy"},
		{"/", "a=100%&b=%zz%4", "/\na=100%25&b=%25zz%254"},
	} {
		r := sigv4.Request{Method: "GET", Path: test.path, Query: test.query,
			Header:        func(name string) string { return headers[name] },
			SignedHeaders: "host;x-amz-date;x-note", PayloadHash: sigv4.HashPayload(nil)}
		want := "GET\n" + test.want + "\nhost:chime.example:8443\nx-amz-date:20260102T030405Z\nx-note:two blanks\n\n" +
			"host;x-amz-date;x-note\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		if got := string(r.AppendCanonical(nil)); got != want {
			t.Errorf("%s?%s:\ngot  %q\nwant %q", test.path, test.query, got, want)
		}
	}
}

func TestVerify_tampered(t *testing.T) {
	headers := map[string]string{"content-type": "application/json", "host": "chime.example", "x-amz-date": "20260102T030405Z"}
	scope := sigv4.Scope{Day: "20260102", Region: "us-east-1", Service: "chime"}
	request := func() *sigv4.Request {
		return &sigv4.Request{Method: "POST", Path: "/accounts/a/users", Query: "operation=suspend", Date: "20260102T030405Z",
			Header:        func(name string) string { return headers[name] },
			SignedHeaders: "content-type;host;x-amz-date", PayloadHash: sigv4.HashPayload([]byte("{}"))}
	}
	signature := sigv4.NewKey(secret, scope).Sign(request())
	if !sigv4.NewKey(secret, scope).Verify(request(), signature) {
		t.Fatal("an untouched request does not verify")
	}
	for name, change := range map[string]func(*sigv4.Request){
		"method":         func(r *sigv4.Request) { r.Method = "PUT" },
		"path":           func(r *sigv4.Request) { r.Path = "/accounts/b/users" },
		"query":          func(r *sigv4.Request) { r.Query = "operation=unsuspend" },
		"date":           func(r *sigv4.Request) { r.Date = "20260102T030406Z" },
		"payload":        func(r *sigv4.Request) { r.PayloadHash = sigv4.HashPayload([]byte("[]")) },
		"signed headers": func(r *sigv4.Request) { r.SignedHeaders = "host;x-amz-date" },
		"header": func(r *sigv4.Request) {
			r.Header = func(name string) string { return strings.Replace(headers[name], "chime", "chimes", 1) }
		},
	} {
		r := request()
		change(r)
		if sigv4.NewKey(secret, scope).Verify(r, signature) {
			t.Errorf("another %s verifies", name)
		}
	}
	for _, other := range []sigv4.Scope{
		{Day: "20260103", Region: "us-east-1", Service: "chime"},
		{Day: "20260102", Region: "us-west-2", Service: "chime"},
		{Day: "20260102", Region: "us-east-1", Service: "sts"},
	} {
		if sigv4.NewKey(secret, other).Verify(request(), signature) {
			t.Errorf("scope %v verifies", other)
		}
	}
	if sigv4.NewKey(secret+"x", scope).Verify(request(), signature) {
		t.Error("another secret verifies")
	}
	for i := range signature {
		changed := []byte(signature)
		changed[i] ^= 1
		if sigv4.NewKey(secret, scope).Verify(request(), string(changed)) {
			t.Errorf("signature %s verifies", changed)
		}
	}
	if sigv4.NewKey(secret, scope).Verify(request(), "") {
		t.Error("an empty signature verifies")
	}
}

func TestKey_concurrently(t *testing.T) {
	key := sigv4.NewKey(secret, sigv4.Scope{Day: "20260102", Region: "us-east-1", Service: "chime"})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := &sigv4.Request{Method: "GET", Path: "/" + strconv.Itoa(i), SignedHeaders: "host", Header: func(string) string { return "h" }}
			want := sigv4.NewKey(secret, sigv4.Scope{Day: "20260102", Region: "us-east-1", Service: "chime"}).Sign(r)
			for range 100 {
				if got := key.Sign(r); got != want {
					t.Errorf("signature of %s = %s, want %s", r.Path, got, want)
				}
			}
		})
	}
	all.Wait()
}

const sound = "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/chime/aws4_request, SignedHeaders=host;x-amz-date, " +
	"Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	want := sigv4.Authorization{AccessKey: "AKID", Scope: sigv4.Scope{Day: "20260102", Region: "us-east-1", Service: "chime"},
		SignedHeaders: "host;x-amz-date", Signature: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
	for _, header := range []string{
		sound,
		strings.ReplaceAll(sound, ", ", ","),
	} {
		if got, err := sigv4.Parse(header); err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", header, got, err, want)
		}
	}
	for _, change := range [][2]string{
		{sound, ""},
		{"AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA512 "},
		{"AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"},
		{"Credential=AKID/20260102/us-east-1/chime/aws4_request, ", ""},
		{"SignedHeaders=host;x-amz-date, ", ""},
		{", Signature=e3", ", Other=e3"},
		{", Signature=e3", ", Signature="},
		{", Signature=e3", ", Signature=E3"},
		{", SignedHeaders", ", Credential=AKID/20260102/us-east-1/chime/aws4_request, SignedHeaders"},
		{", SignedHeaders", ", , SignedHeaders"},
		{"AKID/", "/"},
		{"AKID/", ""},
		{"AKID/", "A/B/"},
		{"20260102", "2026012"},
		{"20260102", "2026-1-2"},
		{"/chime/", "//"},
		{"aws4_request", "aws5_request"},
		{"host;x-amz-date", ""},
		{"host;x-amz-date", "x-amz-date"},
		{"host;x-amz-date", "x-amz-date;host"},
		{"host;x-amz-date", "host;host"},
		{"host;x-amz-date", "Host;x-amz-date"},
		{"host;x-amz-date", "host;"},
		{"host;x-amz-date", ";host"},
	} {
		header := strings.Replace(sound, change[0], change[1], 1)
		if got, err := sigv4.Parse(header); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", header, got)
		}
	}
	if _, err := sigv4.Parse("Bearer x"); !errors.Is(err, sigv4.ErrAlgorithm) {
		t.Errorf("Parse of another scheme: %v, want ErrAlgorithm", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sound)
	f.Add("AWS4-HMAC-SHA256 Credential=,Signature==")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := sigv4.Parse(header)
		if err != nil {
			return
		}
		// Parsing loses nothing: written again, the header reads the same.
		again := sigv4.Algorithm + " Credential=" + a.AccessKey + "/" + a.Scope.String() +
			", SignedHeaders=" + a.SignedHeaders + ", Signature=" + a.Signature
		if b, err := sigv4.Parse(again); err != nil || b != a {
			t.Errorf("Parse(%q) = %+v, %v, want %+v as of %q", again, b, err, a, header)
		}
	})
}

func TestTime(t *testing.T) {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if got := sigv4.FormatTime(moment.In(time.FixedZone("", 3600))); got != "20260102T030405Z" {
		t.Errorf("FormatTime = %q, want 20260102T030405Z", got)
	}
	if got, err := sigv4.ParseTime("20260102T030405Z"); err != nil || !got.Equal(moment) {
		t.Errorf("ParseTime = %v, %v, want %v", got, err, moment)
	}
	for _, s := range []string{"", "20260102", "20260102T030405", "20260102T030405.5Z", "20261302T030405Z", "2026-01-02T03:04:05Z", " 20260102T030405Z"} {
		if got, err := sigv4.ParseTime(s); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", s, got)
		}
	}
}
