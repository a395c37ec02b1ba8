package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Fetch returns the text at the client's endpoint, decoded as its Content-Type says. The request is
// unsigned and made only once. For a status other than 200 the error is a [*ServiceError].
func (c *Client) Fetch(ctx context.Context) (string, error) {
	rep, err := c.once(ctx, http.MethodGet, c.endpoint, nil)
	if err != nil {
		return "", err
	}
	if rep.status != http.StatusOK {
		refusal, _ := serviceError(model.RESTJSON, "GET", rep)
		return "", refusal
	}
	return python.DecodeAs(rep.body, encodingOf(rep.header.Get("Content-Type")))
}

// Exchange sends a request that is no call of an operation, for a path and a query below the
// client's endpoint, and returns the answer, of whatever status. The request is unsigned and made
// only once. body is JSON; nil for none. The error is a [*TransportError], or about the path.
func (c *Client) Exchange(ctx context.Context, method, path, query string, body []byte) (status int, header http.Header, answer []byte, err error) {
	at, err := below(c.endpoint, path, joinQuery(c.endpoint.RawQuery, query))
	if err != nil {
		return 0, nil, nil, err
	}
	rep, err := c.once(ctx, method, at, body)
	if err != nil {
		return 0, nil, nil, err
	}
	return rep.status, rep.header, rep.body, nil
}

// once sends an unsigned request.
func (c *Client) once(ctx context.Context, method string, at *url.URL, body []byte) (*reply, error) {
	header := http.Header{"User-Agent": {c.config.UserAgent}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	return c.send(ctx, &request{op: &model.Operation{Name: method, Method: method}, url: at, host: hostHeader(at), body: body}, header)
}

// encodingOf returns the encoding that a Content-Type names. Without one, a text is in Latin-1, as
// HTTP once had it, and all else in UTF-8.
func encodingOf(contentType string) string {
	for parameter := range strings.SplitSeq(contentType, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "charset") {
			continue
		}
		if value = strings.Trim(strings.TrimSpace(value), `"`); value != "" {
			return value
		}
		return "utf-8"
	}
	if strings.Contains(contentType, "text") { // anywhere, in small letters, to version 1
		return "iso-8859-1"
	}
	return "utf-8"
}
