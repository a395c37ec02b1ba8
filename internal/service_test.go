package internal

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// whoSayChime lists the files, and folders with all below them, that may name Chime in their code,
// each with the reason. All other code works for any service: it takes a *model.Service.
var whoSayChime = map[string]string{
	"internal/chime/":    "the contract of the service, and its manual",
	"internal/chimesdk/": "the contracts of the services that came after it",

	// Programs choose the service.
	"cmd/aws/main.go":       "the services of aws",
	"internal/carillon/":    "wires the service of Chime, demonstrates it, and tells people about it",
	"internal/bulk/bulk.go": "the operations that a bulk job calls",
	"carillontest/":         "starts the service of Chime",
	"packaging/release/":    "names the packages and their manual pages",

	// Others say the same words.
	"internal/awscli/commands.go":     "version 1 has a command of that name",
	"internal/policy/policy.go":       "the managed policies for Chime, and the names of its actions",
	"internal/directory/bots.go":      "the addresses of bots hold the name",
	"internal/webhook/webhook.go":     "the headers of calls to bots have the name",
	"internal/extension/extension.go": "users are found as its API shows them",
}

// TestServiceIsAValue reads the identifiers and texts of all code but tests. Comments may name
// Chime as an example.
func TestServiceIsAValue(t *testing.T) {
	used := map[string]bool{}
	reason := func(file string) bool {
		for place := range whoSayChime {
			if file == place || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place) {
				used[place] = true
				return true
			}
		}
		return false
	}
	for _, s := range sources(t) {
		if s.forTests() {
			continue
		}
		for _, d := range s.text.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				text := ""
				switch n := n.(type) {
				case *ast.Ident:
					text = n.Name
				case *ast.BasicLit:
					text = n.Value
				}
				if strings.Contains(strings.ToLower(text), "chime") && !reason(s.path) {
					t.Errorf("%s says %.60s: take the service as a value, or let whoSayChime give the reason", s.place(n), text)
				}
				return true
			})
		}
	}
	for place := range whoSayChime {
		if !used[place] {
			t.Errorf("%s no longer names Chime: delete it from whoSayChime", place)
		}
	}
}
