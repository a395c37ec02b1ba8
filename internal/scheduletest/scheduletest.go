// Package scheduletest plays schedules that a seed decides. It is for tests.
package scheduletest

import (
	"cmp"
	"flag"
	"testing"
)

var (
	count = flag.Int("schedules", 0, "how many schedules each test of schedules plays; 0: as many as it plays by itself")
	first = flag.Uint64("first-schedule", 0, "seed of the first schedule")
)

// Play calls play with one seed after the other, a number of times unless the flag -schedules says
// another, and a tenth of it with -short. It ends after the first failure, and tells the seed even
// if that was a panic.
func Play(t *testing.T, usual int, play func(seed uint64)) {
	n, played := cmp.Or(*count, usual), 0
	if testing.Short() {
		n /= 10
	}
	seed := *first
	defer func() { t.Logf("schedules: %d, the last of seed %d", played, seed) }()
	for end := seed + uint64(n); seed < end; seed++ {
		play(seed)
		played++
		if t.Failed() {
			return
		}
	}
	seed-- // that of the last
}
