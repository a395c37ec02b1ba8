package directory_test

import (
	"testing"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/extension"
)

// Every operation of our own has an answer.
func TestExtensions(t *testing.T) {
	answers := directory.Extensions(new(directory.Service), new(directory.Keys))
	for _, op := range extension.Operations {
		if answers[op] == nil {
			t.Errorf("nobody answers %s", op.Name)
		}
	}
}
