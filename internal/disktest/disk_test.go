package disktest_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/disktest"
)

// A loss of power leaves each of these states at some time, and never another one. A file is shown
// by a letter for each of its sectors, which is a dot if the sector was never written.
func TestAfterPowerLoss(t *testing.T) {
	t.Parallel()
	sectors := func(letters string) (data []byte) {
		for _, letter := range letters {
			data = append(data, bytes.Repeat([]byte{byte(letter)}, 512)...)
		}
		return data
	}
	syncDir := func(d *disktest.Disk, path string) {
		dir, _ := d.Find(path)
		d.Sync(dir, d.Now())
	}
	for _, tt := range []struct {
		name string
		do   func(d *disktest.Disk)
		want []string
	}{
		{"a new file", func(d *disktest.Disk) { d.Write(d.Open("f"), 0, sectors("ab")) }, []string{"", "f:", "f:a", "f:.b", "f:ab"}},
		{"its name alone", func(d *disktest.Disk) {
			d.Write(d.Open("f"), 0, sectors("a"))
			syncDir(d, ".")
		}, []string{"f:", "f:a"}},
		{"its contents alone", func(d *disktest.Disk) {
			f := d.Open("f")
			d.Write(f, 0, sectors("a"))
			d.Sync(f, d.Now())
		}, []string{"", "f:a"}},
		{"both", func(d *disktest.Disk) {
			f := d.Open("f")
			d.Write(f, 0, sectors("a"))
			d.Sync(f, d.Now())
			syncDir(d, ".")
		}, []string{"f:a"}},
		{"a write that came when the sync had begun", func(d *disktest.Disk) {
			f := d.Open("f")
			syncDir(d, ".")
			d.Write(f, 0, sectors("a"))
			began := d.Now()
			d.Write(f, 0, sectors("b"))
			d.Sync(f, began)
		}, []string{"f:a", "f:b"}},
		{"a sync that failed before one that did not", func(d *disktest.Disk) {
			f := d.Open("f")
			syncDir(d, ".")
			d.Write(f, 0, sectors("a"))
			d.FailSync(f)
			d.Sync(f, d.Now())
		}, []string{"f:", "f:a"}},
		{"a file that was cut", func(d *disktest.Disk) {
			f := d.Open("f")
			d.Write(f, 0, sectors("ab"))
			d.Sync(f, d.Now())
			syncDir(d, ".")
			d.Cut(f, 512)
		}, []string{"f:a", "f:ab"}},
		{"a file that is replaced before it is synced", func(d *disktest.Disk) {
			d.Open("f")
			syncDir(d, ".")
			d.Write(d.Open("new"), 0, sectors("a"))
			d.Rename("new", "f")
		}, []string{"f:", "f:a", "f: new:", "f: new:a"}},
		{"names in their order", func(d *disktest.Disk) {
			d.Open("f")
			d.Link("f", "g")
			d.Remove("f")
		}, []string{"", "f:", "f: g:", "g:"}},
		{"a directory without a name", func(d *disktest.Disk) {
			d.Mkdir("d")
			f := d.Open("d/f")
			d.Write(f, 0, sectors("a"))
			d.Sync(f, d.Now())
			syncDir(d, "d")
		}, []string{"", "d/: d/f:a"}},
	} {
		d := disktest.New()
		tt.do(d)
		got := map[string]bool{}
		for seed := range uint64(500) {
			files := d.AfterPowerLoss(d.Now(), rand.New(rand.NewPCG(seed, 0)))
			var state []string
			for _, path := range slices.Sorted(maps.Keys(files)) {
				letters := ""
				for at := 0; at < len(files[path]); at += 512 {
					letters += strings.Replace(string(files[path][at]), "\x00", ".", 1)
				}
				state = append(state, path+":"+letters)
			}
			got[strings.Join(state, " ")] = true
		}
		if states := slices.Sorted(maps.Keys(got)); !slices.Equal(states, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("%s: got %q, want %q", tt.name, states, tt.want)
		}
	}
}
