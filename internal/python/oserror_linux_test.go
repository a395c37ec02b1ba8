package python_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/python"
)

// The numbers and texts are those of glibc, from which Python has them.
func TestOSError_linux(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		".":                      "[Errno 21] Is a directory: 'P'",
		"file/x":                 "[Errno 20] Not a directory: 'P'",
		"loop":                   "[Errno 40] Too many levels of symbolic links: 'P'",
		strings.Repeat("n", 300): "[Errno 36] File name too long: 'P'",
	} {
		_, err := os.ReadFile(filepath.Join(dir, path))
		if got := python.OSError(err, "P"); got.Error() != want {
			t.Errorf("%.10s: got %s, want %s", path, got, want)
		}
	}
}
