// Package porttest gives tests ports of this machine.
package porttest

import (
	"net"
	"testing"
)

// Refusing returns an address that refuses connections as long as the test runs. The port of a
// server that was closed would not do: the next server of a test that runs meanwhile may get it.
// Here a connection keeps it, as the port from which it was made.
func Refusing(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}
