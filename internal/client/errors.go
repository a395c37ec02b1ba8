package client

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// ServiceError is the service's refusal of a call: any reply with a status from 300 on.
type ServiceError struct {
	Code      string // "NotFoundException"; the status if the reply names no code
	Message   string // may be empty
	Operation string
	Status    int
	RequestID string // may be empty
	Retries   int    // attempts before the last one
	// Exhausted says that no attempts were left. In legacy mode only errors that were worth another
	// attempt set it, in the other modes any error.
	Exhausted bool
	// RetryAfter is how long the service asks to wait, 0 if it does not say. The client's own
	// retries follow version 1's rules, which ignore it.
	RetryAfter time.Duration
}

func (e *ServiceError) Error() string {
	retries := ""
	if e.Exhausted {
		retries = " (reached max retries: " + strconv.Itoa(e.Retries) + ")"
	}
	return "An error occurred (" + e.Code + ") when calling the " + e.Operation + " operation" + retries + ": " + e.Message
}

// refusalOf returns what makes an error of a reply that is a refusal.
func refusalOf(protocol model.Protocol, operation string) func(*reply) error {
	return func(rep *reply) error {
		refusal, err := serviceError(protocol, operation, rep)
		if err != nil {
			return &ReplyError{err}
		}
		return refusal
	}
}

// serviceError reads the reply to a refused call, as its protocol says. If the body is an HTML page
// or empty, as failing proxies and load balancers send it, the phrase of the status is the message.
// The error that is returned is another one: a reply that is none of the protocol.
//
// Version 1 ends with a Python exception if the body is not UTF-8, or is JSON but not an object.
// Here the body is shown as well as possible.
func serviceError(protocol model.Protocol, operation string, rep *reply) (*ServiceError, error) {
	e := &ServiceError{
		Code:      strconv.Itoa(rep.status),
		Operation: operation,
		Status:    rep.status,
		RequestID: rep.requestID(),
	}
	if rep.status == http.StatusMultipleChoices { // an error by its status, but not decoded as one
		e.Code, e.Message = "Unknown", "Unknown"
		switch {
		case protocol == model.JSON, protocol == model.RESTJSON, protocol == model.RESTXML && len(rep.body) == 0:
			return e, nil
		}
		_, err := parseXML(rep.body)
		return e, err
	}
	if seconds, err := strconv.Atoi(rep.header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	if page := string(python.StripBytes(rep.body)); rep.status >= 500 && (page == "" || strings.HasPrefix(page, "<html>")) {
		_, e.Message = statusText(rep.status)
		return e, nil
	}
	if protocol == model.JSON || protocol == model.RESTJSON {
		e.jsonError(rep, protocol == model.RESTJSON)
		return e, nil
	}
	return e, e.xmlError(rep, protocol)
}

// bareCode strips what some services put around a code: "com.amazonaws.chime#NotFound:http://...".
func bareCode(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return s[strings.LastIndexByte(s, '#')+1:]
}

// plain renders a member of an error, which should be a string.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(document.AppendCompact(nil, v))
}

// Failure is the kind of a [TransportError].
type Failure uint8

const (
	Unreachable     Failure = iota // no connection: refused, no route, unknown host
	ProxyFailed                    // no connection through the proxy
	ConnectTimeout                 // no connection in time
	BrokenHandshake                // no TLS: the server hung up before there was any
	Untrusted                      // no TLS: a bad certificate, or the server does not speak TLS
	ReadTimeout                    // connected, then silence
	Closed                         // connected, then closed before a whole reply
)

// TransportError is a request that had no reply.
type TransportError struct {
	Failure Failure
	URL     string // of the request; of the proxy, its password masked, for ProxyFailed
	Err     error  // the cause
}

func (e *TransportError) Error() string {
	switch e.Failure {
	case Unreachable:
		return fmt.Sprintf("Could not connect to the endpoint URL: \"%s\"", e.URL)
	case ProxyFailed:
		return fmt.Sprintf("Failed to connect to proxy URL: \"%s\"", e.URL)
	case ConnectTimeout:
		return fmt.Sprintf("Connect timeout on endpoint URL: \"%s\"", e.URL)
	case BrokenHandshake, Untrusted:
		return fmt.Sprintf("SSL validation failed for %s %s", e.URL, e.Err)
	case ReadTimeout:
		return fmt.Sprintf("Read timeout on endpoint URL: \"%s\"", e.URL)
	default:
		return fmt.Sprintf("Connection was closed before we received a valid response from endpoint URL: \"%s\".", e.URL)
	}
}

func (e *TransportError) Unwrap() error { return e.Err }

// UnknownIssuer reports whether nobody who is trusted vouches for the certificate of the server.
func (e *TransportError) UnknownIssuer() bool {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](e.Err)
	return e.Failure == Untrusted && unknown
}

// Sent reports whether the service may have received the request, and so may have carried it out.
func (e *TransportError) Sent() bool { return e.Failure >= ReadTimeout }

// ReplyError is a successful reply that is none of the operation: the service, or somebody else,
// may have carried the call out. The text is that of the cause.
type ReplyError struct{ Err error }

func (e *ReplyError) Error() string { return e.Err.Error() }

func (e *ReplyError) Unwrap() error { return e.Err }

// HeaderError is a request that was not sent, because the access key, the session token or a member
// of the input has characters that no header can have.
type HeaderError struct {
	Name  string // of the header
	Value string // a secret, if it is the token: the text of the error leaves it out
}

func (e *HeaderError) Error() string {
	what := "access key"
	switch e.Name {
	case "Authorization":
	case "X-Amz-Security-Token":
		what = "session token"
	default:
		return "the header " + e.Name + " cannot be sent: its value has a line break or another control character"
	}
	return "the " + what + " has a line break or another control character, which cannot be sent: correct it where it is configured"
}

// text is an error in the exact words of version 1 of the AWS CLI.
type text string

func (t text) Error() string { return string(t) }

// RetryMode decides which failures are worth another attempt, and how many attempts there are.
type RetryMode string

const (
	Legacy   RetryMode = "legacy"   // five attempts
	Standard RetryMode = "standard" // three attempts
	// Adaptive differs from Standard only in that it slows down programs that make many calls. A
	// single call of a command line sees no difference.
	Adaptive RetryMode = "adaptive"
)

func (m RetryMode) known() bool { return m == Legacy || m == Standard || m == Adaptive }

func (m RetryMode) attempts() int {
	if m == Legacy {
		return 5
	}
	return 3
}

// delay returns how long to wait after the n-th attempt. It is random, so that many clients do not
// come back together, in a range that doubles each time.
func (m RetryMode) delay(n int, random float64) time.Duration {
	seconds := random * math.Pow(2, float64(n-1))
	if m != Legacy {
		seconds = min(seconds, 20)
	}
	// Beyond a day, longer makes no difference, and a Duration would overflow in the end.
	return time.Duration(min(seconds, 24*60*60) * float64(time.Second))
}

func (m RetryMode) retries(err error) bool {
	if _, ok := errors.AsType[*TransportError](err); ok {
		return true // even a bad certificate: the next attempt may meet another server
	}
	refusal, ok := errors.AsType[*ServiceError](err)
	if !ok {
		return false
	}
	if m == Legacy {
		switch refusal.Status {
		case 429, 500, 502, 503, 504, 509:
			return true
		case 400:
			return slices.Contains(throttlingCodes, refusal.Code) || refusal.Code == "ProvisionedThroughputExceededException"
		}
		return false
	}
	switch refusal.Status {
	case 500, 502, 503, 504:
		return true
	}
	switch refusal.Code {
	case "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "RequestThrottled",
		"ProvisionedThroughputExceededException", "TransactionInProgressException", "BandwidthLimitExceeded",
		"LimitExceededException", "EC2ThrottledException":
		return true
	}
	return slices.Contains(throttlingCodes, refusal.Code) || slices.Contains(slowDownCodes, refusal.Code)
}

// The codes with which a service says that calls come too fast. Legacy mode knows only the first
// list.
var (
	throttlingCodes = []string{"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException"}
	slowDownCodes   = []string{"TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)

// Throttled reports whether the service says that calls come too fast. Such a call changed nothing.
// The retry modes do not use this. They follow version 1, which does not know Chime's own code.
func (e *ServiceError) Throttled() bool {
	return e.Status == http.StatusTooManyRequests || e.Code == "ThrottledClientException" ||
		slices.Contains(throttlingCodes, e.Code) || slices.Contains(slowDownCodes, e.Code)
}
