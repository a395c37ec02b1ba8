package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A script starts aws a thousand times, so what is linked, what runs before main and how much
// there is to load are part of what the program promises.

const module = "github.com/carillon-project/carillon/"

// allowed are the packages outside of the standard library that aws may link, each with what
// it is there for.
var allowed = map[string]string{
	module + "cmd/aws":              "the program",
	module + "internal/atomicfile":  "replaces ~/.aws/config as a whole",
	module + "internal/awscli":      "the command",
	module + "internal/build":       "--version",
	module + "internal/chime":       "the contract, in its flat form",
	module + "internal/chimesdk":    "as internal/chime, for its heirs",
	module + "internal/client":      "sends requests",
	module + "internal/document":    "ordered values",
	module + "internal/help":        "what help prints",
	module + "internal/jmespath":    "--query",
	module + "internal/model":       "the vocabulary of the contract",
	module + "internal/output":      "json, text and tables",
	module + "internal/params":      "words to input",
	module + "internal/process":     "the signals that end a command",
	module + "internal/profile":     "~/.aws",
	module + "internal/python":      "version 1's habits of its language",
	module + "internal/servicefile": "reads the models of services that are not built in",
	module + "internal/shell":       "words as a shell reads them",
	module + "internal/sigv4":       "signs requests",
	module + "internal/sts":         "credentials of roles",
	module + "internal/timestamp":   "times as people and services write them",
	module + "internal/terminal":    "whether there is one, and its width",

	"golang.org/x/sys/unix":       "golang.org/x/term",
	"golang.org/x/sys/windows":    "golang.org/x/term",
	"golang.org/x/term":           "the width of a terminal, and whether it is one",
	"golang.org/x/text/transform": "golang.org/x/text/width",
	"golang.org/x/text/width":     "how many columns of a table a character takes",
}

// banned are packages of the standard library that aws must not link, even by way of another.
var banned = map[string]string{
	"database/sql":           "there is no database on this side",
	"encoding/gob":           "registers types when the program starts",
	"encoding/json":          "loses the order of members (package document keeps it), and reflects",
	"encoding/json/jsontext": "as encoding/json",
	"encoding/json/v2":       "as encoding/json",
	"expvar":                 "adds handlers to a global mux",
	"flag":                   "the grammar is that of version 1: internal/awscli",
	"go/ast":                 "a tool's package, by accident",
	"html/template":          "large, and keeps the linker from dropping unused methods",
	"log/slog":               "a command says what it has to say on stderr",
	"net/http/httptest":      "for tests",
	"net/http/pprof":         "adds handlers to a global mux, and links half of the runtime's tools",
	"plugin":                 "keeps the linker from dropping anything",
	"testing":                "for tests; registers flags when the program starts",
	"text/template":          "keeps the linker from dropping unused methods",
}

func TestDependencies(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			out := goTool(t, []string{"GOOS=" + system, "CGO_ENABLED=0"}, "list", "-deps", ".")
			packages := strings.Fields(string(out))
			if !slices.Contains(packages, module+"cmd/aws") {
				t.Fatalf("go list -deps does not list this package: %s", out)
			}
			for _, p := range packages {
				if reason, ok := banned[p]; ok {
					t.Errorf("aws links %s: %s", p, reason)
				}
				if _, ok := allowed[p]; !ok && isForeign(p) {
					t.Errorf("aws links %s, which the table of allowed packages does not have", p)
				}
			}
		})
	}
}

// isForeign reports whether a package is ours or anybody's but the standard library's.
func isForeign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

// maxSize is the most that the stripped program may weigh, in bytes.
const maxSize = 9 << 20

// maxInit is the most that one package may allocate before main, in bytes. A regexp or a map of
// any size is beyond it.
const maxInit = 256

// tables are the packages that may run nothing at all before main: the linker lays them out.
var tables = []string{module + "internal/chime", module + "internal/chimesdk", module + "internal/help", module + "internal/model"}

func TestBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aws")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	goTool(t, []string{"CGO_ENABLED=0"}, "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")

	t.Run("size", func(t *testing.T) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxSize {
			t.Errorf("got %d bytes, want at most %d", info.Size(), maxSize)
		}
	})

	t.Run("initialization", func(t *testing.T) {
		cmd := exec.Command(path, "--version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace strings.Builder
		cmd.Stderr = &trace
		if err := cmd.Run(); err != nil {
			t.Fatalf("aws --version: %v\n%s", err, trace.String())
		}
		if !strings.Contains(trace.String(), "init net/http @") {
			t.Fatalf("no trace of initialization: %s", trace.String())
		}
		// init net/http @2.9 ms, 0.056 ms clock, 4872 bytes, 50 allocs
		for line := range strings.Lines(trace.String()) {
			var name string
			var at, clock float64
			var bytes, allocs int
			if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &clock, &bytes, &allocs); err != nil {
				t.Fatalf("reading %q: %v", line, err)
			}
			if slices.Contains(tables, name) {
				t.Errorf("%s runs code before main, want nothing but tables", name)
			}
			if isForeign(name) && bytes > maxInit {
				t.Errorf("%s allocates %d bytes in %d pieces before main, want at most %d", name, bytes, allocs, maxInit)
			}
		}
	})
}

// goTool runs the go command for a system, in the folder of this package.
func goTool(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on PATH")
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}
