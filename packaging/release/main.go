// Release makes what people download: in dist/, both programs for six systems, archives, packages
// of four kinds, container images, the lists of what is in them, and the sums of all that. It runs
// in its own folder:
//
//	cd packaging/release && go run . -version 0.1.0
//
// The same source and release of Go make the same bytes, whoever makes them and where: times are
// that of the release's section in CHANGELOG.md, without which there is no release.
// docs/verifying.md tells people how to compare.
//
// A module whose license is missing or unknown stops a release: see known in licenses.go.
//
// The tools that make packages and images are libraries here, in a module of their own: the
// programs that they pack depend on none of them.
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	var r release
	flag.StringVar(&r.version, "version", "", "`version` of the release, such as 0.1.0")
	flag.StringVar(&r.out, "o", "../../dist", "`directory` that is made; it must not be there")
	flag.StringVar(&r.changelog, "changelog", "../../CHANGELOG.md", "`file` with a dated section of the version")
	flag.Parse()
	r.source, r.targets, r.compile = "../..", targets, compile
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := r.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// target is a system that programs are made for, in Go's words.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "_" + t.arch }

// program is the name of a program's file there.
func (t target) program(name string) string {
	if t.os == "windows" {
		return name + ".exe"
	}
	return name
}

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// release is one release in the making.
type release struct {
	version   string
	source    string // the root of the repository
	changelog string
	out       string
	targets   []target
	// compile makes a program of a version, from its source.
	compile func(ctx context.Context, source, version string, t target, program, out string) error

	changes changes
	stage   string            // directory for what goes into archives and packages
	spdx    map[string]string // names of the licenses of modules, by their paths
}

// run makes the release, and prints what it has made with its size.
func (r *release) run(ctx context.Context, stdout io.Writer) (err error) {
	if r.changes, err = changesOf(r.changelog, r.version); err != nil {
		return err
	}
	if err := os.Mkdir(r.out, 0o755); err != nil {
		return fmt.Errorf("%w: remove it, or name another directory by -o", err)
	}
	if r.stage, err = os.MkdirTemp("", "carillon-release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.stage)) }()
	if err := r.licenses(ctx); err != nil {
		return err
	}
	for _, t := range r.targets {
		for _, program := range []string{"carillon", "aws"} {
			if err := r.compile(ctx, r.source, r.version, t, program, r.binary(t, program)); err != nil {
				return fmt.Errorf("compiling %s for %s: %w", program, t, err)
			}
		}
	}
	for _, step := range []func(context.Context) error{
		r.describe, r.archives, r.packages, r.images, r.bills, r.texts, r.sums,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.list(stdout)
}

// date is the day of the release, at its beginning: the time of everything in it.
func (r *release) date() time.Time { return r.changes.date }

// binary is where a program is compiled to.
func (r *release) binary(t target, program string) string {
	return filepath.Join(r.stage, t.String(), t.program(program))
}

// file is a file of the repository.
func (r *release) file(name string) string { return filepath.Join(r.source, filepath.FromSlash(name)) }

// compile builds a program by the go command.
func compile(ctx context.Context, source, version string, t target, program, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	_, err = goOutput(ctx, source, t, "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X github.com/carillon-project/carillon/internal/build.release="+version, "-o", out, "./cmd/"+program)
	return err
}

// goOutput runs the go command for a target, and returns what it prints, or says what it complained
// of. What its user has set for himself is not heard.
func goOutput(ctx context.Context, source string, t target, words ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", words...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaints.String())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// host is the target whose programs run here; they print the texts that go into archives.
func (r *release) host() (target, error) {
	t := target{runtime.GOOS, runtime.GOARCH}
	if !slices.Contains(r.targets, t) {
		return t, fmt.Errorf("releases are made on a system that they are for, and %s is none", t)
	}
	return t, nil
}

const sumsFile = "SHA256SUMS"

// sums writes the sum of each file that was made, as sha256sum does.
func (r *release) sums(context.Context) error {
	names, err := r.made()
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range names {
		sum, err := r.sum(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
	}
	return os.WriteFile(filepath.Join(r.out, sumsFile), []byte(b.String()), 0o644)
}

// sum returns the SHA-256 of a file that was made, in hexadecimal.
func (r *release) sum(name string) (string, error) {
	f, err := os.Open(filepath.Join(r.out, name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// made returns the names of all files that were made.
func (r *release) made() ([]string, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// list prints the files that were made, and the programs in them, the largest first.
func (r *release) list(w io.Writer) error {
	type file struct {
		name string
		size int64
	}
	var all []file
	add := func(name, path string) error {
		info, err := os.Stat(path)
		if err == nil {
			all = append(all, file{name, info.Size()})
		}
		return err
	}
	names, err := r.made()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := add(name, filepath.Join(r.out, name)); err != nil {
			return err
		}
	}
	for _, t := range r.targets {
		for _, program := range []string{"carillon", "aws"} {
			if err := add(program+" for "+t.String(), r.binary(t, program)); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(all, func(a, b file) int { return cmp.Compare(b.size, a.size) })
	for _, f := range all {
		fmt.Fprintf(w, "%8.2f MB  %s\n", float64(f.size)/1e6, f.name)
	}
	return nil
}
