package client

import (
	"context"
	"net/http"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Fetch returns the text at the client's endpoint, decoded as its Content-Type says. The request is
// unsigned and made only once. For a status other than 200 the error is a [*ServiceError].
func (c *Client) Fetch(ctx context.Context) (string, error) {
	r := &request{op: &model.Operation{Name: "GET", Method: http.MethodGet}, url: c.endpoint, host: hostHeader(c.endpoint)}
	rep, err := c.send(ctx, r, http.Header{"User-Agent": {c.config.UserAgent}})
	if err != nil {
		return "", err
	}
	if rep.status != http.StatusOK {
		return "", serviceError("GET", rep)
	}
	return python.DecodeAs(rep.body, encodingOf(rep.header.Get("Content-Type")))
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
