package client

import (
	"context"
	"net"
)

// SetDial replaces how a client connects, for tests in a network of their own.
func (c *Client) SetDial(dial func(context.Context) (net.Conn, error)) {
	c.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
}
