// Extract writes the models of the five services of the Amazon Chime SDK below ../models: what is
// in the public models of the first-generation SDK, which end in the middle of 2024, and what the
// services have got since, which is in additions.json.
//
// The additions were read from the second-generation SDK's clients (chimesdkvoice and
// chimesdkmediapipelines v1.30.0, compared member by member) and, for the others, from what its
// siblings send. There is no need to run this again unless a model is in doubt:
//
//	cd internal/chimesdk/extract && go run .
//
// It is a module of its own because the models' module is 330 MB that nothing else needs.
package main

import (
	_ "embed"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/aws/aws-sdk-go/aws" // pins the module of the models

	"github.com/carillon-project/carillon/internal/document"
)

//go:embed additions.json
var additions string

func main() {
	log.SetFlags(0)
	log.SetPrefix("extract: ")
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go").Output()
	if err != nil {
		log.Fatalf("finding the module of the models: %v", err)
	}
	more, err := document.Parse(additions)
	if err != nil {
		log.Fatalf("reading additions.json: %v", err)
	}
	for _, name := range []string{"chime-sdk-identity", "chime-sdk-media-pipelines", "chime-sdk-meetings", "chime-sdk-messaging", "chime-sdk-voice"} {
		folders, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "models/apis", name, "*"))
		if err != nil || len(folders) != 1 {
			log.Fatalf("%s: found the versions %v, want one (%v)", name, folders, err)
		}
		model := read(filepath.Join(folders[0], "api-2.json"))
		merge(model, member(more.(*document.Object), name))
		sortMembers(member(model, "operations"))
		sortMembers(member(model, "shapes"))
		// Of the paginators, the clients page through those that say what a page holds.
		pages := document.NewObject()
		for _, m := range member(read(filepath.Join(folders[0], "paginators-1.json")), "pagination").Members() {
			if _, ok := m.Value.(*document.Object).Get("result_key"); ok {
				pages.Set(m.Key, m.Value)
			}
		}
		write("../models/"+name+".json", model)
		write("../models/"+name+".paginators.json", document.NewObject(document.Member{Key: "pagination", Value: pages}))
	}
}

func read(path string) *document.Object {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	v, err := document.Parse(string(text))
	if err != nil {
		log.Fatalf("reading %s: %v", path, err)
	}
	return v.(*document.Object)
}

func write(path string, o *document.Object) {
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s\n", document.AppendIndented(nil, o)), 0o666); err != nil {
		log.Fatal(err)
	}
}

// merge merges from into o, objects member by member. A new member goes to the end, or before the
// one that it names.
func merge(o, from *document.Object) {
	for _, m := range from.Members() {
		added, isObject := m.Value.(*document.Object)
		if _, there := o.Get(m.Key); there && isObject {
			merge(member(o, m.Key), added)
			continue
		}
		var after []document.Member
		if isObject && added.Text("before") != "" {
			i := slices.IndexFunc(o.Members(), func(other document.Member) bool { return other.Key == added.Text("before") })
			after = slices.Clone(o.Members()[i:])
			added.Delete("before")
		}
		for _, later := range after {
			o.Delete(later.Key)
		}
		o.Set(m.Key, m.Value)
		for _, later := range after {
			o.Set(later.Key, later.Value)
		}
	}
}

func sortMembers(o *document.Object) {
	sorted := slices.Clone(o.Members())
	slices.SortFunc(sorted, func(a, b document.Member) int { return strings.Compare(a.Key, b.Key) })
	*o = *document.NewObject(sorted...)
}

func member(o *document.Object, key string) *document.Object {
	v, _ := o.Get(key)
	if m, ok := v.(*document.Object); ok {
		return m
	}
	return document.NewObject()
}
