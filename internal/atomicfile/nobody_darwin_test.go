package atomicfile

import "testing"

// asNobody runs functions as the user who runs the test, whom permissions bind.
func asNobody(t *testing.T, dir string) func(func()) { return func(f func()) { f() } }
