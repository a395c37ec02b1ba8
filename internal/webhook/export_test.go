package webhook

import (
	"context"
	"net/netip"
)

// Allowed reports whether an address may be called.
func Allowed(address string, allow ...netip.Prefix) bool {
	return guard{allow}.control(context.Background(), "tcp", address, nil) == nil
}

// HasProxy reports whether calls may go through a proxy.
func (s *Sender) HasProxy() bool { return s.transport.Proxy != nil }
