// Gen writes the models in ../models in the flat form that package chimesdk embeds. Run it with
// `go generate ./...`. Where a model says something that aws does not know, it fails.
package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/model/modelgen"
	"github.com/carillon-project/carillon/internal/servicefile"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	pages, err := filepath.Glob("models/*.paginators.json")
	if err != nil || len(pages) == 0 {
		log.Fatalf("finding the models: %v, found %v", err, pages)
	}
	var services []*model.Service
	for _, path := range pages {
		name := strings.TrimSuffix(filepath.Base(path), ".paginators.json")
		files := servicefile.Files{Strict: true, Model: read("models/" + name + ".json"), Paginators: read(path)}
		service, err := files.Read(name)
		if err != nil {
			log.Fatalf("reading the model of %s: %v", name, err)
		}
		services = append(services, service)
	}
	if err := modelgen.Write("chimesdk", "", services...); err != nil {
		log.Fatal(err)
	}
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}
