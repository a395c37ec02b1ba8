package carillon

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
)

// The one line on a terminal never fills its last column, whatever becomes of the window: it would
// wrap, and not be written over any more.
func TestProgressOnTerminal(t *testing.T) {
	var out strings.Builder
	columns, now := 100, time.Unix(1000, 0)
	p := &progress{w: &out, columns: func() int { return columns }, now: func() time.Time { return now }, began: now, shown: now}
	step := func(window int, done int) {
		columns, now = window, now.Add(10*time.Second)
		p.show(bulk.Counts{Total: 100_000, Done: done, Failed: 12})
		p.show(bulk.Counts{Total: 100_000, Done: done + 1, Failed: 12}) // too soon
	}
	step(100, 20_000)
	step(40, 40_000)
	step(20, 60_000)
	p.say("carillon: something else")
	step(100, 80_000)
	p.end()
	want := "\r20012 of 100000: 20000 done, 12 failed, 2001/s, 39s left" +
		"\r40000 done, 12 failed, 2001/s, 29s left" + // the former line has wrapped: there is no more of it to write over
		"\r60000 done, 12 fail" +
		"\ncarillon: something else\n" +
		"\r80012 of 100000: 80000 done, 12 failed, 2000/s, 9s left" +
		"\r80013 of 100000: 80001 done, 12 failed, 2000/s, 9s left\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// Elsewhere a line comes now and then.
func TestProgressElsewhere(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1000, 0)
	p := &progress{w: &out, now: func() time.Time { return now }, began: now, shown: now}
	for done := range 25 {
		now = now.Add(time.Second)
		p.show(bulk.Counts{Total: 100, Done: done + 1})
	}
	p.end()
	if got, want := out.String(), "10 of 100: 10 done, 0 failed, 1/s, 1m30s left\n20 of 100: 20 done, 0 failed, 1/s, 1m20s left\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// That many users are read is told soon, and then now and then.
func TestProgressOfReading(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1000, 0)
	p := (&bulkRun{program: &program{stderr: &out}}).progress(func() time.Time { return now })
	for second := range 15 {
		p.reading(200*second, false)
		now = now.Add(time.Second)
	}
	if got, want := out.String(), "400 users read\n2400 users read\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
