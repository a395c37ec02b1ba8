package build

import "testing"

func TestVersion(t *testing.T) {
	for _, c := range []struct{ recorded, want string }{
		{"v1.4.0", "1.4.0"},
		{"v0.0.0-20261124180000-0123456789ab+dirty", "0.0.0-20261124180000-0123456789ab+dirty"},
		{"(devel)", "dev"},
		{"", "dev"},
	} {
		if got := version(c.recorded); got != c.want {
			t.Errorf("%q: got %q, want %q", c.recorded, got, c.want)
		}
	}
}
