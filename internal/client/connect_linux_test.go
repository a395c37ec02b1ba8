package client_test

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
)

// A listener with a full queue leaves further connections unanswered, as a firewall does.
func TestCall_connectTimeout(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	for {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			break
		}
		defer conn.Close()
	}

	config := config("http://" + address)
	config.ConnectTimeout = 50 * time.Millisecond
	config.ReadTimeout = time.Second // ends the test if the queue was not full after all
	config.MaxAttempts = 2
	_, err = connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
	checkFailure(t, err, client.ConnectTimeout, `Connect timeout on endpoint URL: "http://`+address+`/settings"`, false)
}
