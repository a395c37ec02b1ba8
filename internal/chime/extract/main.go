// Extract writes chime.json, the facts of the Amazon Chime administration API (2018-05-01):
// operations, HTTP bindings, shapes, bounds, paginators and errors, without any of the
// model's documentation.
//
// The facts come from two released Go modules, both pinned in go.mod: the second-generation
// SDK's client says which operations the service had at its end, the first-generation SDK's
// module carries the model file with everything about them. SDK clients of closed services
// get deleted, so the result is kept in this repository; there is no need to run this again
// unless chime.json itself is in doubt:
//
//	cd internal/chime/extract && go run . > ../chime.json
//
// It is a module of its own because the model's module is 330 MB that nothing else needs.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go/aws"

	"github.com/carillon-project/carillon/internal/document"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("extract: ")
	text, err := extract()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(append(text, '\n'))
}

func extract() ([]byte, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the model's module: %w", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(dir)), "models/apis/chime/2018-05-01")
	api, err := read(filepath.Join(folder, "api-2.json"))
	if err != nil {
		return nil, err
	}
	pages, err := read(filepath.Join(folder, "paginators-1.json"))
	if err != nil {
		return nil, err
	}
	operations, shapes := member(api, "operations"), member(api, "shapes")

	facts := document.NewObject()
	facts.Set("source", "models/apis/chime/2018-05-01 in github.com/aws/aws-sdk-go v"+aws.SDKVersion)
	facts.Set("metadata", pick(member(api, "metadata"), "apiVersion", "endpointPrefix", "protocol", "serviceId", "signatureVersion"))
	kept, used := document.NewObject(), map[string]bool{}
	for _, name := range served() {
		op := member(operations, name)
		if op.Len() == 0 {
			return nil, fmt.Errorf("the model has no operation %s", name)
		}
		op = pick(op, "http", "input", "output", "errors")
		// Of the model's paginators, the clients of the service's last years page through
		// these two listings only.
		if name == "ListAccounts" || name == "ListUsers" {
			p := pick(member(member(pages, "pagination"), name), "input_token", "output_token", "limit_key")
			p.Set("result_key", strings.TrimPrefix(name, "List"))
			op.Set("paginator", p)
		}
		kept.Set(name, op)
		for _, part := range []string{"input", "output"} {
			follow(shapes, member(op, part), used)
		}
		errors, _ := op.Get("errors")
		list, _ := errors.([]any)
		for _, e := range list {
			follow(shapes, e.(*document.Object), used)
		}
	}
	facts.Set("operations", kept)
	out := document.NewObject()
	for _, m := range shapes.Members() {
		if used[m.Key] {
			out.Set(m.Key, m.Value)
		}
	}
	facts.Set("shapes", out)
	return document.AppendIndented(nil, facts), nil
}

// served lists the operations of the service's last client, by name.
func served() []string {
	var names []string
	client := reflect.TypeOf(&chime.Client{})
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; name != "Options" {
			names = append(names, name)
		}
	}
	return names
}

// follow marks the shapes that a reference reaches.
func follow(shapes, ref *document.Object, used map[string]bool) {
	v, _ := ref.Get("shape")
	name, _ := v.(string)
	if name == "" || used[name] {
		return
	}
	used[name] = true
	shape := member(shapes, name)
	follow(shapes, member(shape, "member"), used)
	for _, m := range member(shape, "members").Members() {
		follow(shapes, m.Value.(*document.Object), used)
	}
}

func read(path string) (*document.Object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := document.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return v.(*document.Object), nil
}

// member returns a member that is an object, or an empty one.
func member(o *document.Object, key string) *document.Object {
	v, _ := o.Get(key)
	if m, ok := v.(*document.Object); ok {
		return m
	}
	return document.NewObject()
}

func pick(o *document.Object, keys ...string) *document.Object {
	out := document.NewObject()
	for _, k := range keys {
		if v, ok := o.Get(k); ok {
			out.Set(k, v)
		}
	}
	return out
}
