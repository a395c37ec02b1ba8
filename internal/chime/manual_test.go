package chime_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// TestManual holds the manual against the contract: each operation and each member is described,
// by exactly one entry, and there is no entry for anything else.
func TestManual(t *testing.T) {
	manual := chime.Service.Manual
	var operations, described, withExamples []string
	for _, w := range manual.Operations {
		described = append(described, w[0])
	}
	for _, e := range manual.Examples {
		withExamples = append(withExamples, e.Operation)
	}
	needed := map[string]bool{}
	seen := map[*model.Shape]bool{}
	var walk func(s *model.Shape)
	walk = func(s *model.Shape) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		walk(s.Element)
		for _, m := range s.Members {
			switch name := s.Name + "." + m.Name; {
			case manual.Members.About(name) != "":
				needed[name] = true
			case manual.Members.About(m.Name) != "":
				needed[m.Name] = true
			default:
				t.Errorf("the member %s is not described", name)
			}
			walk(m.Shape)
		}
	}
	for _, op := range chime.Service.All() {
		operations = append(operations, op.Name)
		walk(op.Input)
		walk(op.Output)
	}
	if diff := cmp.Diff(operations, described); diff != "" {
		t.Errorf("described operations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(operations, withExamples); diff != "" {
		t.Errorf("operations with examples (-want +got):\n%s", diff)
	}
	for i, w := range manual.Members {
		if !needed[w[0]] {
			t.Errorf("the member %s is described, and there is none", w[0])
		}
		if i > 0 && manual.Members[i-1][0] >= w[0] {
			t.Errorf("got %s after %s, want members in order, each once", w[0], manual.Members[i-1][0])
		}
	}
}
