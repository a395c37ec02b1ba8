// Extract copies the protocol cases of the first-generation SDK into ../testdata/protocols: inputs
// and the requests that they become, replies and the outputs that they become. There is no need to
// run it again:
//
//	cd internal/client/extract && go run .
//
// It is a module of its own because the cases' module is 330 MB that nothing else needs.
package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "github.com/aws/aws-sdk-go/aws" // pins the module of the cases

	"github.com/carillon-project/carillon/internal/document"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("extract: ")
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go").Output()
	if err != nil {
		log.Fatalf("finding the module of the cases: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "models/protocol_tests/*/*.json"))
	if err != nil || len(files) != 10 {
		log.Fatalf("found %d files (%v), want 10", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		v, err := document.Parse(string(text))
		if err != nil {
			log.Fatalf("reading %s: %v", file, err)
		}
		name := filepath.Base(filepath.Dir(file)) + "-" + filepath.Base(file)
		if err := os.WriteFile(filepath.Join("../testdata/protocols", name), append(document.AppendCompact(nil, v), '\n'), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
