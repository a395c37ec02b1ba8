package api

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendOutput appends the JSON text of an output, as the service replies with it.
func AppendOutput(b []byte, out output) []byte { return out.append(b) }

func appendKey(b []byte, quoted string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(b, quoted...)
}

func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its error only tells that bad UTF-8 was replaced
	return b
}

func appendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// timeLayout is ISO 8601 in UTC with milliseconds, the form in which the service writes times.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime returns a time as the API writes it, such as 2019-01-04T17:11:22.003Z.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

// AppendError appends the body of the reply to a failed request.
func AppendError(b []byte, code ErrorCode, message string) []byte {
	b = appendText(append(b, `{"Code":`...), string(code))
	b = appendText(append(b, `,"Message":`...), message)
	return append(b, '}')
}
