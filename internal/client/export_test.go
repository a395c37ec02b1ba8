package client

import (
	"context"
	"net"
	"net/http"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Decode reads the body of a successful reply.
func Decode(body []byte, output *model.Shape, iso8601 bool) (*document.Object, error) {
	return decodeJSON(&decoder{iso8601: iso8601}, body, output, false)
}

// SetDial replaces how a client connects, for tests in a network of their own.
func (c *Client) SetDial(dial func(context.Context) (net.Conn, error)) {
	c.transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
}
