package client

import (
	"context"
	"net/http"

	"github.com/carillon-project/carillon/internal/model"
)

// Fetch returns the text at the client's endpoint. The request is unsigned and made only once. For
// a status other than 200 the error is a [*ServiceError].
func (c *Client) Fetch(ctx context.Context) (string, error) {
	r := &request{op: &model.Operation{Name: "GET", Method: http.MethodGet}, url: c.endpoint, host: hostHeader(c.endpoint)}
	rep, err := c.send(ctx, r, http.Header{"User-Agent": {c.config.UserAgent}})
	if err != nil {
		return "", err
	}
	if rep.status != http.StatusOK {
		return "", serviceError("GET", rep)
	}
	return string(rep.body), nil
}
