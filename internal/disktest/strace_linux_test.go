package disktest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/disktest"
)

// hexed writes what is between quotes, and in angle brackets, as strace -xx does.
func hexed(record string) string {
	var b strings.Builder
	inside := false
	for _, r := range record {
		switch {
		case r == '«' || r == '‹':
			inside = true
			b.WriteString(map[rune]string{'«': `"`, '‹': "<"}[r])
		case r == '»' || r == '›':
			inside = false
			b.WriteString(map[rune]string{'»': `"`, '›': ">"}[r])
		case inside:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Threads whose calls overlap are told apart. What is written while a sync is under way is not
// covered by it, and what is said counts from its beginning.
func TestReadRecord(t *testing.T) {
	t.Parallel()
	d := disktest.New()
	var said []string
	err := d.ReadRecord(strings.NewReader(hexed(`10 openat(AT_FDCWD‹/disk›, «f», O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3‹/disk/f›
10 openat(AT_FDCWD‹/disk›, «/disk», O_RDONLY|O_CLOEXEC) = 4‹/disk›
11 openat(AT_FDCWD‹/disk›, «/etc/hosts», O_RDONLY) = 5‹/etc/hosts›
10 fsync(4‹/disk›) = 0
10 write(3‹/disk/f›, «one,», 4) = 4
11 fsync(3‹/disk/f› <unfinished ...>
10 write(3‹/disk/f›, «two», 3) = 3
12 write(1<pipe:[7]>, «said» <unfinished ...>
11 <... fsync resumed>) = 0
10 pwrite64(3‹/disk/f›, «x», 1, 0) = -1 EIO (Input/output error)
12 <... write resumed>, 4) = 4
10 renameat(AT_FDCWD‹/disk›, «f», AT_FDCWD‹/disk›, «g») = 0
10 close(3‹/disk/f›) = 0
13 ???( <detached ...>
10 wri`)), "/disk", func(descriptor int, data []byte) {
		said = append(said, fmt.Sprint(descriptor, " ", string(data), " ", string(d.Contents(d.Now())["f"])))
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 said one,two"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if got := d.Contents(d.Now()); len(got) != 1 || string(got["g"]) != "one,two" {
		t.Errorf("files %q, want g", got)
	}
	states := map[string]bool{}
	for seed := range uint64(100) {
		for name, data := range d.AfterPowerLoss(d.Now(), rand.New(rand.NewPCG(seed, 0))) {
			states[name+" "+string(data)] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(states)), []string{"f one,", "f one,two", "g one,", "g one,two"}; !slices.Equal(got, want) {
		t.Errorf("after a loss: %q, want %q", got, want)
	}
}

// A record of something that the model does not know is refused: what the model left out would be
// taken for safe.
func TestReadRecord_unknown(t *testing.T) {
	t.Parallel()
	const open = "10 openat(AT_FDCWD‹/disk›, «f», O_RDWR|O_CREAT, 0600) = 3‹/disk/f›\n"
	for _, line := range []string{
		"10 fallocate(3‹/disk/f›, 0, 0, 4096) = 0",
		"10 copy_file_range(5‹/etc/hosts›, NULL, 3‹/disk/f›, NULL, 9, 0) = 9",
		"10 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3‹/disk/f›, 0) = 0x7f0000000000",
		"10 write(9‹/disk/other›, «x», 1) = 1",
		"10 write(3‹/disk/f›, «x»..., 2000) = 2000",
		"10 renameat(AT_FDCWD‹/disk›, «f», AT_FDCWD‹/tmp›, «f») = 0",
		"10 openat(AT_FDCWD‹/disk›, «was-there», O_RDWR) = 4‹/disk/was-there›",
	} {
		if err := disktest.New().ReadRecord(strings.NewReader(hexed(open+line+"\n")), "/disk", func(int, []byte) {}); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
