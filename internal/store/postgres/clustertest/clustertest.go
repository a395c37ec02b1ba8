// Package clustertest has PostgreSQL clusters of a test's own, which .ci/postgres controls.
package clustertest

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Cluster is a PostgreSQL in a directory.
type Cluster struct {
	Dir string
	URL *url.URL
}

// New makes a cluster by a command of .ci/postgres, start or standby, whose further arguments may
// follow. It is gone after the test.
func New(t *testing.T, command string, args ...string) Cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "carillon-postgres-") // the server's user must get there
	if err != nil {
		t.Fatal(err)
	}
	c := Cluster{Dir: dir}
	t.Cleanup(func() { c.Do(t, "stop") })
	if c.URL, err = url.Parse(c.Do(t, command, args...)); err != nil || t.Failed() {
		t.Fatal("there is no cluster: ", err)
	}
	return c
}

// Do runs a command of .ci/postgres on the cluster, and returns what it prints. Any goroutine may
// call it: a test goes on after a failure.
func (c Cluster) Do(t *testing.T, command string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t), append([]string{command, c.Dir}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v", cmd, err)
	}
	return strings.TrimSpace(string(out))
}

// WithStandby is the URL of two clusters, of which a service uses the one that accepts writes.
func (c Cluster) WithStandby(standby Cluster) string {
	u := *c.URL
	u.Host += "," + standby.URL.Host
	u.RawQuery = "target_session_attrs=read-write"
	return u.String()
}

// program is the path of .ci/postgres, above the directory of the test.
func program(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Error(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".ci", "postgres")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			return ".ci/postgres" // is not found
		}
	}
}
