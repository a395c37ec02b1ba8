package carillon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A secret that is brought is only read: where systemd and Kubernetes mount it, nothing can be
// written.
func TestHookSecret_ReadOnlyDirectory(t *testing.T) {
	const secret = "a secret of the operator"
	given := filepath.Join(t.TempDir(), "given")
	if err := os.WriteFile(given, []byte(secret+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(given)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file := fmt.Sprint("/dev/fd/", f.Fd()) // no user of the machine can make files there, not even root
	if _, err := os.Stat(file); err != nil {
		t.Skip(err) // on Windows
	}
	if got, err := hookSecret(file); err != nil || got != secret {
		t.Errorf("got %q, error %v, want %q", got, err, secret)
	}
}
