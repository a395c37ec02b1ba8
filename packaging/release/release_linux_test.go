package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	version = "0.1.0"
	former  = "0.0.9" // what is upgraded
)

// needs skips a test without a tool, which CI has.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		} else if os.Getenv("CI") != "" {
			t.Fatalf("%v: .ci/run should have installed it", err)
		}
		t.Skipf("%s is not installed", tool)
	}
	if os.Getuid() != 0 {
		t.Skip("only root changes the root directory")
	}
}

// changelog writes a changelog in which a version is released.
func changelog(t *testing.T, version string) string {
	t.Helper()
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	first := headings.FindIndex(text)
	if first == nil {
		t.Fatal("CHANGELOG.md has no section")
	}
	file := filepath.Join(t.TempDir(), "CHANGELOG.md")
	dated := fmt.Sprintf("## %s (2026-11-01)", version) + string(text[first[1]:])
	if err := os.WriteFile(file, []byte(dated), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// newRelease is a release of a source, for every system. Only the programs for this machine are
// compiled, since the others would take minutes: a few bytes that name the system stand for each.
func newRelease(t *testing.T, version, source string) *release {
	return &release{
		version: version, source: source, out: filepath.Join(t.TempDir(), "dist"), changelog: changelog(t, version), targets: targets,
		compile: func(ctx context.Context, source, version string, to target, program, out string) error {
			if to == (target{"linux", runtime.GOARCH}) {
				return compile(ctx, source, version, to, program, out)
			}
			if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
				return err
			}
			return os.WriteFile(out, fmt.Appendf(nil, "%s for %s", program, to), 0o755)
		},
	}
}

// A release is the same bytes when it is made in another directory, and what it is made of works on
// systems that it is installed on.
func TestRelease(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the lists of modules are those of the program for amd64")
	}
	first, second := newRelease(t, version, "../.."), newRelease(t, version, copySource(t))
	second.out = filepath.Join(t.TempDir(), "elsewhere")
	var sizes strings.Builder
	if err := first.run(t.Context(), &sizes); err != nil {
		t.Fatal(err)
	}
	t.Logf("what is released, where a few bytes stand for programs of other systems:\n%s", sizes.String())
	if err := second.run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	same(t, first, second)
	if t.Failed() {
		return
	}
	old := formerPackages(t)
	t.Run("deb", func(t *testing.T) { t.Parallel(); testDebian(t, old, first.out) })
	t.Run("deb beside another aws", func(t *testing.T) { t.Parallel(); testOtherAWS(t, first.out) })
	t.Run("lintian", func(t *testing.T) { t.Parallel(); testLintian(t, first.out) })
	t.Run("rpm", func(t *testing.T) { t.Parallel(); testRPM(t, old, first.out) })
	t.Run("image", func(t *testing.T) { t.Parallel(); testImage(t, first.out) })
	t.Run("texts", func(t *testing.T) { t.Parallel(); testTexts(t, first) })
	t.Run("script", func(t *testing.T) { t.Parallel(); testScript(t, first) })
	t.Run("docs/verifying.md", func(t *testing.T) { t.Parallel(); testVerifying(t, first.out, second.out) })
}

// copySource copies what Git has, as a checkout elsewhere.
func copySource(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "source")
	cmd := exec.Command("sh", "-ec", `mkdir "$0"; git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- | tar --extract --directory="$0"`, dir)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// same compares all files of two releases.
func same(t *testing.T, a, b *release) {
	t.Helper()
	names, err := a.made()
	if err != nil {
		t.Fatal(err)
	}
	others, err := b.made()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, others) {
		t.Errorf("got %q and %q, want the same files", names, others)
	}
	if len(names) < 25 {
		t.Errorf("got %q: where are the others?", names)
	}
	for _, name := range names {
		one, err := os.ReadFile(filepath.Join(a.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.ReadFile(filepath.Join(b.out, name)); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s is not the same when it is made in another directory (%v)", name, err)
		}
	}
}

// Without a section that has a date, there is no release, and nothing is made.
func TestRefused(t *testing.T) {
	for _, tt := range []struct{ version, changelog, want string }{
		{"", "## 0.1.0 (2026-12-01)\n\n- new\n", `"" is no version`},
		{"v0.1.0", "## 0.1.0 (2026-12-01)\n\n- new\n", `"v0.1.0" is no version`},
		{"0.1.0", "## Unreleased\n\n- new\n", "has no section for 0.1.0"},
		{"0.1.0", "## 0.1.0\n\n- new\n", "has no date"},
		{"0.1.0", "## 0.1.0 (2026-13-01)\n\n- new\n", "month out of range"},
		{"0.1.0", "## 0.1.0 (2026-12-01)\n\n## 0.0.9 (2026-11-01)\n\n- old\n", "tells of no change"},
	} {
		dir := t.TempDir()
		r := release{version: tt.version, changelog: filepath.Join(dir, "CHANGELOG.md"), out: filepath.Join(dir, "dist")}
		if err := os.WriteFile(r.changelog, []byte(tt.changelog), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := r.run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q of %q: got %v, want an error with %q", tt.version, tt.changelog, err, tt.want)
		}
		if _, err := os.Stat(r.out); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q of %q: something was made", tt.version, tt.changelog)
		}
	}
}

// A program is not released if it links a module whose license is missing, or unknown. A license
// below the root of a module goes with it if what it is for is linked.
func TestUnknownLicense(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	write("go.mod", "module example.com/ours\n\ngo 1.26\n\nrequire example.com/theirs v1.2.3\n\nreplace example.com/theirs => ./theirs\n")
	write("LICENSE", string(ours))
	write("cmd/aws/main.go", "package main\n\nfunc main() {}\n")
	write("cmd/carillon/main.go", "package main\n\nimport _ \"example.com/theirs/part\"\n\nfunc main() {}\n")
	write("theirs/go.mod", "module example.com/theirs\n\ngo 1.26\n")
	write("theirs/part/part.go", "package part\n")
	mit := "Permission is hereby granted, free of charge, to any person obtaining\na copy. The above copyright notice and this permission notice follow.\n"
	r := release{version: version, source: dir, changelog: changelog(t, version), targets: targets[:1]}
	for _, tt := range []struct{ name, text, want string }{
		{"theirs/README.md", mit, " has no LICENSE or COPYING in " + dir + "/theirs: "},
		{"theirs/LICENSE-LOGO", mit, " has no LICENSE or COPYING in " + dir + "/theirs: "},
		{"theirs/part/LICENSE", mit, " has no LICENSE or COPYING in " + dir + "/theirs: "},
		{"theirs/LICENSE", "Ask us.\n", ": " + dir + "/theirs/LICENSE is none of Apache-2.0, "},
		{"theirs/LICENSE.txt", mit + string(ours), ": " + dir + "/theirs/LICENSE.txt is none of Apache-2.0, "},
		{"theirs/part/copying", "", ": " + dir + "/theirs/part/copying is none of Apache-2.0, "},
	} {
		write(tt.name, tt.text)
		r.out = filepath.Join(t.TempDir(), "dist")
		err := r.run(t.Context(), io.Discard)
		if want := "module example.com/theirs v1.2.3" + tt.want; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s with %q: got %v, want an error with %q", tt.name, tt.text, err, want)
		}
		if err := os.Remove(filepath.Join(dir, tt.name)); err != nil {
			t.Fatal(err)
		}
	}
	write("theirs/part/COPYING", mit+"for a part that is linked\n")
	write("theirs/other/COPYING", "for a part that is not linked\n")
	write("theirs/License.md", mit)
	r.stage = t.TempDir()
	if err := r.licenses(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.terms("carillon"))
	if got := string(text); err != nil || !strings.Contains(got, mit) || !strings.Contains(got, "for a part that is linked") || strings.Contains(got, "is not linked") {
		t.Errorf("got %s (%v), want the licenses of what is linked", got, err)
	}
	if text, err := os.ReadFile(r.terms("aws")); err != nil || strings.Contains(string(text), "theirs") {
		t.Errorf("got %s (%v), want nothing of what aws does not link", text, err)
	}
}

// checkTerms looks in a text for the license and the notice of each module in the bill of a
// program. Ours are first.
func checkTerms(t *testing.T, dist, program, text string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dist, program+"_"+version+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var bill cyclonedx.BOM
	if err := json.NewDecoder(f).Decode(&bill); err != nil || len(*bill.Components) < 4 {
		t.Fatalf("got the modules %v (%v): where are the others?", bill.Components, err)
	}
	places, err := goOutput(t.Context(), ".", targets[0], "env", "GOMODCACHE", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	cache, goRoot, _ := strings.Cut(places, "\n")
	rule := "\n" + strings.Repeat("=", 80) + "\n"
	for i, c := range append([]cyclonedx.Component{*bill.Metadata.Component}, *bill.Components...) {
		root := filepath.Join(cache, c.Name+"@"+c.Version)
		switch {
		case i == 0:
			root = "../.."
		case c.Name == "std":
			root = goRoot
		}
		before, section, found := strings.Cut(text, rule+c.Name+" "+c.Version+rule)
		if !found || i == 0 && strings.Contains(before, rule) {
			t.Errorf("the licenses of %s have no part for %s %s, or it is not where it belongs", program, c.Name, c.Version)
			continue
		}
		section, _, _ = strings.Cut(section, rule)
		files := glob(t, root, "LICENSE*")
		if notice := filepath.Join(root, "NOTICE"); exists(notice) {
			files = append(files, notice)
		}
		for _, file := range files {
			if want, err := os.ReadFile(file); err != nil || !strings.Contains(section, strings.TrimRight(string(want), "\n")) {
				t.Errorf("the licenses of %s lack %s (%v)", program, file, err)
			}
		}
		if c.Licenses == nil || len(*c.Licenses) != 1 || (*c.Licenses)[0].License.ID == "" {
			t.Errorf("the bill of %s has the licenses %v for %s, want one", program, c.Licenses, c.Name)
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// machine is a directory that stands for the root of a machine with systemd.
type machine struct {
	root string
	bin  string // first on PATH: a systemctl that writes down what it is told
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{root: t.TempDir(), bin: t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "run/systemd/system", "usr/bin"} {
		if err := os.MkdirAll(m.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.write(t, m.path("var/lib/dpkg/status"), "", 0o644)
	m.write(t, filepath.Join(m.bin, "systemctl"), "#!/bin/sh\necho \"$*\" >>'"+m.bin+"/told'\n", 0o755)
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

func (m *machine) write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// told returns what systemctl was told since it was asked last.
func (m *machine) told(t *testing.T) string {
	t.Helper()
	file := filepath.Join(m.bin, "told")
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	m.write(t, file, "", 0o644)
	return string(text)
}

// command is a command of the machine that is tested on, for this one.
func (m *machine) command(words ...string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+m.bin+":/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

// do runs a command that must succeed, and returns what it says.
func (m *machine) do(t *testing.T, words ...string) string {
	t.Helper()
	out, err := m.command(words...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

func (m *machine) dpkg(words ...string) []string {
	return append([]string{"dpkg", "--root=" + m.root, "--force-script-chrootless", "--force-unsafe-io"}, words...)
}

// mode returns the permissions of a file, or says that there is none.
func (m *machine) mode(name string) string {
	info, err := os.Lstat(m.path(name))
	if err != nil {
		return "missing"
	}
	return info.Mode().String()
}

func (m *machine) want(t *testing.T, when string, modes map[string]string) {
	t.Helper()
	for name, want := range modes {
		if got := m.mode(name); got != want {
			t.Errorf("%s: %s is %s, want %s", when, name, got, want)
		}
	}
}

// service is a running service.
type service struct {
	cmd *exec.Cmd
	url string
}

// serve starts a program as the unit does, with the data of this machine.
func (m *machine) serve(t *testing.T, cmd *exec.Cmd) *service {
	t.Helper()
	s := &service{cmd: cmd}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "carillon: serving "); ok {
			s.url = url
			break
		}
		said.WriteString(lines.Text() + "\n")
	}
	if s.url == "" {
		t.Fatalf("the service does not start\n%s", said.String())
	}
	go io.Copy(io.Discard, stderr)
	return s
}

func (s *service) stop(t *testing.T) {
	t.Helper()
	if err := errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait()); err != nil {
		t.Errorf("the service ended with %v, want exit code 0", err)
	}
}

// installed is the service of the installed package.
func (m *machine) installed(t *testing.T) *service {
	t.Helper()
	cmd := exec.Command(m.path("usr/bin/carillon"), "serve")
	cmd.Env = []string{"CARILLON_LISTEN=127.0.0.1:0", "CARILLON_DATA=" + m.path("var/lib/carillon")}
	return m.serve(t, cmd)
}

// aws runs the installed command with the root key, and returns what it prints.
func (m *machine) aws(t *testing.T, s *service, words ...string) string {
	t.Helper()
	script := `. "$0"; export AWS_ENDPOINT_URL_CHIME=` + s.url + `; exec "$@"`
	return m.do(t, append([]string{"sh", "-ec", script, m.path("var/lib/carillon/root-key.sh"), m.path("usr/bin/carillon-aws"), "chime"}, words...)...)
}

// accounts lists the names of accounts.
func (m *machine) accounts(t *testing.T, s *service) string {
	t.Helper()
	return m.aws(t, s, "list-accounts", "--query", "sort(Accounts[].Name)", "--output", "text")
}

// formerPackages makes packages of a former release, whose programs are those of today, and returns
// where they are.
func formerPackages(t *testing.T) string {
	t.Helper()
	r := newRelease(t, former, "../..")
	var err error
	if r.changes, err = changesOf(r.changelog, r.version); err != nil {
		t.Fatal(err)
	}
	r.stage = t.TempDir()
	to := target{"linux", runtime.GOARCH}
	if err := r.licenses(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"carillon", "aws"} {
		if err := r.compile(t.Context(), r.source, r.version, to, program, r.binary(to, program)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(r.out, 0o755), r.describe(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, p := range parcels {
		if err := errors.Join(r.pack(to, p, "deb"), r.pack(to, p, "rpm")); err != nil {
			t.Fatal(err)
		}
	}
	return r.out
}

// glob lists files, of which there must be some.
func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || names == nil {
		t.Fatalf("%s: got no files (%v)", pattern, err)
	}
	return names
}

// formerData makes a database of an older schema, as TestUpgradeFormerRelease of cmd/carillon does.
func (m *machine) formerData(t *testing.T) {
	t.Helper()
	data := m.path("var/lib/carillon")
	m.do(t, "cp", "../../cmd/carillon/testdata/former/secret.key", "../../cmd/carillon/testdata/former/root-key.sh", data)
	m.do(t, "python3", "-c", `
import glob, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
files = sorted(glob.glob("../../internal/store/sqlite/migrations/000[1-6]_*.sql")) + ["../../cmd/carillon/testdata/former/database.sql"]
for file in files[:6]:
    db.executescript(open(file).read())
db.executescript("PRAGMA application_id = 0x43524c4e; PRAGMA user_version = 6;")
db.executescript(open(files[6]).read())
`, filepath.Join(data, "carillon.db"))
}

// A package for Debian is installed, upgraded over a running service, removed and purged. The data
// is there in the end.
func testDebian(t *testing.T, old, dist string) {
	needs(t, "dpkg", "python3", "systemd-sysusers", "systemd-tmpfiles", "update-alternatives")
	m := newMachine(t)
	packages := glob(t, dist, "*_amd64.deb")
	upgrade := m.dpkg(append([]string{"--install"}, packages...)...)

	// Nothing is started that does not run already.
	m.do(t, m.dpkg(append([]string{"--install"}, glob(t, old, "*.deb")...)...)...)
	if got, want := m.told(t), "daemon-reload\ntry-restart carillon.service\n"; got != want {
		t.Errorf("installed: systemctl was told %q, want %q", got, want)
	}
	m.want(t, "installed", map[string]string{
		"usr/bin/carillon": "-rwxr-xr-x", "etc/carillon": "drwxr-x---", "etc/carillon/carillon.env": "-rw-r-----", "var/lib/carillon": "drwx------",
		"usr/lib/systemd/system/carillon.service": "-rw-r--r--", "usr/share/man/man1/carillon-serve.1.gz": "-rw-r--r--",
	})
	if users, err := os.ReadFile(m.path("etc/passwd")); err != nil || !strings.Contains(string(users), "carillon:") {
		t.Errorf("got the users %q (%v), want carillon among them", users, err)
	}
	if got, err := os.Readlink(m.path("etc/alternatives/aws")); got != "/usr/lib/carillon-aws/aws" {
		t.Errorf("aws is %q (%v), want the program of the package", got, err)
	}
	if out := m.do(t, m.dpkg("--verify")...); out != "" {
		t.Errorf("dpkg --verify: %s", out)
	}

	// The data is that of an older release.
	m.formerData(t)
	running := m.installed(t)
	before := m.accounts(t, running)
	if strings.TrimSpace(before) == "" {
		t.Error("the data of an older release has no accounts")
	}
	m.aws(t, running, "create-account", "--name", "Kept")
	before = m.accounts(t, running)

	// Where there is no room for the new program, the old one stays, and runs on.
	full := m.command(append([]string{"sh", "-c", `trap "" XFSZ; ulimit -f 8192; exec "$@"`, "sh"}, upgrade...)...)
	if out, err := full.CombinedOutput(); err == nil || !strings.Contains(string(out), "File too large") {
		t.Errorf("without room for the program: got %v and %s, want a failure", err, out)
	}
	if out := m.do(t, m.path("usr/bin/carillon"), "version"); out != "carillon "+former+"\n" {
		t.Errorf("without room for the program: got %q, want the former one", out)
	}
	if got := m.accounts(t, running); got != before {
		t.Errorf("without room for the program: got the accounts %q, want %q", got, before)
	}

	// With room it is upgraded, and started again as it ran. What the administrator has set stays.
	m.told(t)
	m.write(t, m.path("etc/carillon/carillon.env"), "CARILLON_RATE=100\n", 0o640)
	m.do(t, upgrade...)
	if got := m.told(t); !strings.Contains(got, "try-restart carillon.service\n") || strings.Contains(got, "disable") {
		t.Errorf("upgraded: systemctl was told %q, want to start again what runs", got)
	}
	if out := m.do(t, m.path("usr/bin/carillon"), "version"); out != "carillon "+version+"\n" {
		t.Errorf("upgraded: got %q", out)
	}
	if got := m.accounts(t, running); got != before {
		t.Errorf("upgraded: the service that runs has the accounts %q, want %q", got, before)
	}
	running.stop(t)
	running = m.installed(t)
	if got := m.accounts(t, running); got != before {
		t.Errorf("upgraded: the new service has the accounts %q, want %q", got, before)
	}
	if text, err := os.ReadFile(m.path("etc/carillon/carillon.env")); string(text) != "CARILLON_RATE=100\n" {
		t.Errorf("upgraded: got the settings %q (%v), want those of the administrator", text, err)
	}
	checkTerms(t, dist, "carillon", m.do(t, "zcat", m.path("usr/share/doc/carillon/LICENSES-carillon.txt.gz")))
	checkTerms(t, dist, "aws", m.do(t, "zcat", m.path("usr/share/doc/carillon-aws/LICENSES-aws.txt.gz")))

	// A second installation changes nothing.
	m.do(t, upgrade...)
	if got := m.accounts(t, running); got != before {
		t.Errorf("installed again: got the accounts %q, want %q", got, before)
	}
	running.stop(t)

	m.told(t)
	m.do(t, m.dpkg("--remove", "carillon", "carillon-aws")...)
	if got := m.told(t); !strings.Contains(got, "disable --now carillon-backup.timer carillon.service\n") {
		t.Errorf("removed: systemctl was told %q, want to stop what runs", got)
	}
	m.want(t, "removed", map[string]string{
		"usr/bin/carillon": "missing", "usr/bin/aws": "missing", "usr/lib/systemd/system/carillon.service": "missing",
		"etc/carillon/carillon.env": "-rw-r-----", "var/lib/carillon/carillon.db": "-rw-------",
	})
	if out := m.do(t, m.dpkg("--purge", "carillon", "carillon-aws")...); !strings.Contains(out, "the data is still in /var/lib/carillon") {
		t.Errorf("purged: got %s, want to be told of the data", out)
	}
	m.want(t, "purged", map[string]string{"etc/carillon/carillon.env": "missing", "var/lib/carillon/carillon.db": "-rw-------"})

	// After that it is installed as new, and has the data.
	m.do(t, upgrade...)
	running = m.installed(t)
	if got := m.accounts(t, running); got != before {
		t.Errorf("installed after a purge: got the accounts %q, want %q", got, before)
	}
	running.stop(t)
}

// An aws that another package has brought stays, and both can be called.
func testOtherAWS(t *testing.T, dist string) {
	needs(t, "dpkg", "update-alternatives")
	m := newMachine(t)
	m.write(t, m.path("usr/bin/aws"), "other\n", 0o755)
	check := func(when string) {
		t.Helper()
		if text, err := os.ReadFile(m.path("usr/bin/aws")); string(text) != "other\n" {
			t.Errorf("%s: got %q (%v), want the other aws", when, text, err)
		}
	}
	if out := m.do(t, m.dpkg("--install", filepath.Join(dist, "carillon-aws_"+version+"_amd64.deb"))...); !strings.Contains(out, "is another program and stays") {
		t.Errorf("got %s, want to be told of the other aws", out)
	}
	check("installed")
	if out := m.do(t, m.path("usr/bin/carillon-aws"), "--version"); !strings.Contains(out, " carillon/"+version+" ") {
		t.Errorf("carillon-aws --version: got %q, want the release", out)
	}
	m.do(t, m.dpkg("--purge", "carillon-aws")...)
	check("purged")
}

// Debian's checker finds no error. What it says of manual pages are warnings, and takes most of the
// time.
func testLintian(t *testing.T, dist string) {
	needs(t, "lintian")
	cmd := exec.Command("lintian", append([]string{"--allow-root", "--fail-on", "error", "-X", "documentation/manual"}, glob(t, dist, "*_amd64.deb")...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// A package for Fedora is installed, upgraded and removed. Its scripts, which are Debian's, need a
// shell in the root, and do not run.
func testRPM(t *testing.T, old, dist string) {
	needs(t, "rpm")
	m := newMachine(t)
	rpm := func(words ...string) string {
		t.Helper()
		return m.do(t, append([]string{"rpm", "--root", m.root, "--nodeps"}, words...)...)
	}
	packages := glob(t, dist, "*.x86_64.rpm")
	rpm(append([]string{"--install", "--noscripts"}, glob(t, old, "*.rpm")...)...)
	m.write(t, m.path("etc/carillon/carillon.env"), "CARILLON_RATE=100\n", 0o640)
	rpm(append([]string{"--upgrade", "--noscripts"}, packages...)...)
	if out := m.do(t, m.path("usr/bin/carillon"), "version"); out != "carillon "+version+"\n" {
		t.Errorf("upgraded: got %q", out)
	}
	if text, err := os.ReadFile(m.path("etc/carillon/carillon.env")); string(text) != "CARILLON_RATE=100\n" {
		t.Errorf("upgraded: got the settings %q (%v), want those of the administrator", text, err)
	}
	rpm("--verify", "--nouser", "--nogroup", "carillon-aws")
	if got, want := m.do(t, "rpm", "--root", m.root, "--query", "--licensefiles", "carillon-aws"), "/usr/share/licenses/carillon-aws/"; got != want+"LICENSE\n"+want+"LICENSES-aws.txt\n"+want+"NOTICE\n" {
		t.Errorf("got the licenses %s", got)
	}
	checkTerms(t, dist, "carillon", m.do(t, "cat", m.path("usr/share/licenses/carillon/LICENSES-carillon.txt")))
	checkTerms(t, dist, "aws", m.do(t, "cat", m.path("usr/share/licenses/carillon-aws/LICENSES-aws.txt")))
	rpm("--erase", "--noscripts", "carillon", "carillon-aws")
	m.want(t, "removed", map[string]string{"usr/bin/carillon": "missing", "usr/bin/carillon-aws": "missing"})
}

// The image has what the Dockerfile says, and its programs run where there is nothing else.
func testImage(t *testing.T, dist string) {
	files := untar(t, filepath.Join(dist, "carillon_"+version+"_linux_amd64_docker.tar"))
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 || len(manifest[0].Layers) != 1 {
		t.Fatalf("got the manifest %s (%v), want one image with one layer", files["manifest.json"], err)
	}
	if got := manifest[0].RepoTags; !slices.Equal(got, []string{"carillon:" + version}) {
		t.Errorf("docker load names the image %q", got)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	checkDockerfile(t, config.Config)

	needs(t)
	m := newMachine(t)
	root := t.TempDir()
	layer := filepath.Join(m.bin, "layer.tar.gz")
	m.write(t, layer, string(files[manifest[0].Layers[0]]), 0o644)
	m.do(t, "tar", "--extract", "--gzip", "--same-owner", "--file", layer, "--directory", root)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(root, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("/data: got %v, %v, want a directory with the mode 0700: the first start would complain", info.Mode(), err)
	}
	checkTerms(t, dist, "carillon", m.do(t, "cat", filepath.Join(root, "licenses/carillon.txt")))
	checkTerms(t, dist, "aws", m.do(t, "cat", filepath.Join(root, "licenses/aws.txt")))
	command := func(words ...string) *exec.Cmd {
		attr := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}
		return &exec.Cmd{Path: words[0], Args: words, Dir: config.Config.WorkingDir, Env: append(slices.Clone(config.Config.Env), "CARILLON_LISTEN=127.0.0.1:0"), SysProcAttr: attr}
	}
	s := m.serve(t, command(append(slices.Clone(config.Config.Entrypoint), config.Config.Cmd...)...))
	health := command(config.Config.Healthcheck.Test[1:]...)
	health.Env = append(health.Env, "CARILLON_LISTEN="+strings.TrimPrefix(s.url, "http://"))
	if out, err := health.CombinedOutput(); err != nil {
		t.Errorf("the health check: %v\n%s", err, out)
	}
	if out, err := command("/aws", "--version").CombinedOutput(); err != nil || !strings.Contains(string(out), "carillon/"+version) {
		t.Errorf("aws --version: got %v and %q, want the release", err, out)
	}
	s.stop(t)
}

// In an archive, whatever the texts lead to is there.
func testTexts(t *testing.T, r *release) {
	needs(t)
	m := newMachine(t)
	dir := t.TempDir()
	m.do(t, "tar", "--extract", "--gzip", "--file", filepath.Join(r.out, "carillon_"+version+"_linux_amd64.tar.gz"), "--directory", dir)
	top := filepath.Join(dir, "carillon_"+version+"_linux_amd64")
	links, pages := 0, 0
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		pages++
		text, err := os.ReadFile(path)
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	})
	if err != nil || pages < 20 || links < 100 {
		t.Errorf("the archive has %d pages with %d links, error %v", pages, links, err)
	}
	operating, err := os.ReadFile(filepath.Join(top, "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range regexp.MustCompile("packaging/[a-z./-]*[a-z]").FindAllString(string(operating), -1) {
		if _, err := os.Stat(filepath.Join(top, file)); err != nil {
			t.Errorf("docs/operating.md: %v", err)
		}
	}
}

// untar reads a small archive.
func untar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err == nil {
			files[h.Name], err = io.ReadAll(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkDockerfile compares the settings of an image with the last stage of the Dockerfile.
func checkDockerfile(t *testing.T, got v1.Config) {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, found := strings.Cut(string(text), "\nFROM scratch\n")
	if !found {
		t.Fatal("the Dockerfile has no stage from scratch")
	}
	list := func(words []string) string {
		text, _ := json.Marshal(words)
		return strings.ReplaceAll(string(text), ",", ", ")
	}
	one := func(set map[string]struct{}) string {
		for name := range set {
			return strings.TrimSuffix(name, "/tcp")
		}
		return ""
	}
	h := got.Healthcheck
	for _, want := range []string{
		"ENV " + strings.Join(got.Env, " "), "USER " + got.User, "WORKDIR " + got.WorkingDir, "VOLUME " + one(got.Volumes), "EXPOSE " + one(got.ExposedPorts),
		"ENTRYPOINT " + list(got.Entrypoint), "CMD " + list(got.Cmd),
		fmt.Sprintf("HEALTHCHECK --interval=%s --timeout=%s --start-period=%s CMD %s", h.Interval, h.Timeout, h.StartPeriod, list(h.Test[1:])),
	} {
		if !strings.Contains(last, "\n"+want+"\n") {
			t.Errorf("the image says %q, and the Dockerfile does not", want)
		}
	}
}

// The script installs what it was made with, leaves another aws alone, and refuses anything else.
func testScript(t *testing.T, r *release) {
	needs(t, "curl", "tar")
	run := func(downloads, prefix string) (string, error) {
		cmd := exec.Command("sh", filepath.Join(r.out, "install.sh"))
		cmd.Env = append(os.Environ(), "CARILLON_DOWNLOADS=file://"+downloads, "PREFIX="+prefix)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	prefix := t.TempDir()
	for _, when := range []string{"first", "second"} {
		if out, err := run(r.out, prefix); err != nil || !strings.Contains(out, "carillon "+version+" is in ") {
			t.Errorf("the %s time: got %v and %s", when, err, out)
		}
	}
	if out, err := exec.Command(filepath.Join(prefix, "bin", "aws"), "--version").CombinedOutput(); err != nil || !strings.Contains(string(out), "carillon/"+version) {
		t.Errorf("aws --version: got %v and %q", err, out)
	}
	below := exec.Command("sh", filepath.Join(r.out, "install.sh"))
	below.Dir = t.TempDir()
	below.Env = append(os.Environ(), "CARILLON_DOWNLOADS=file://"+r.out, "PREFIX=opt")
	if out, err := below.CombinedOutput(); err != nil {
		t.Errorf("below the directory it is run in: got %v and %s", err, out)
	}
	if out, err := exec.Command(filepath.Join(below.Dir, "opt", "bin", "carillon"), "version").CombinedOutput(); err != nil {
		t.Errorf("what was installed below the directory it is run in: got %v and %q", err, out)
	}
	page, err := os.ReadFile(filepath.Join(prefix, "share/man/man1/aws-chime-create-room.1"))
	if want := ".SH NAME\naws\\-chime\\-create\\-room \\- Creates a chat room in an Enterprise account\n.SH "; err != nil || !strings.Contains(string(page), want) {
		t.Errorf("the manual page of create-room is %q (%v), want %q in it", page, err, want)
	}

	other := t.TempDir()
	m := &machine{}
	if err := os.Mkdir(filepath.Join(other, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.write(t, filepath.Join(other, "bin", "aws"), "#!/bin/sh\necho aws-cli/1\n", 0o755)
	if out, err := run(r.out, other); err != nil || !strings.Contains(out, "is another program and stays") {
		t.Errorf("beside another aws: got %v and %s", err, out)
	}

	// One byte more, after the end.
	changed, name := t.TempDir(), r.archive(target{"linux", runtime.GOARCH})
	data, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, filepath.Join(changed, name), string(data)+"\n", 0o644)
	empty := t.TempDir()
	if out, err := run(changed, empty); err == nil || !strings.Contains(out, "it was changed on the way") {
		t.Errorf("an archive that was changed: got %v and %s, want it refused", err, out)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("an archive that was changed: %v was installed (%v)", left, err)
	}
}

// The commands of docs/verifying.md succeed. The checkout and the release that people make from it
// are stood for by one that was made in another directory.
func testVerifying(t *testing.T, dist, again string) {
	needs(t, "dpkg", "rpm", "sha256sum", "shasum")
	text, err := os.ReadFile("../../docs/verifying.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d blocks: where are the others?", len(blocks))
	}
	m := newMachine(t)
	m.do(t, m.dpkg(append([]string{"--install"}, glob(t, dist, "*_amd64.deb")...)...)...)
	fedora := newMachine(t)
	fedora.do(t, append([]string{"rpm", "--root", fedora.root, "--nodeps", "--noscripts", "--install"}, glob(t, dist, "*.x86_64.rpm")...)...)
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"dpkg":         `exec /usr/bin/dpkg --root='` + m.root + `' "$@"`,
		"rpm":          `exec /usr/bin/rpm --root '` + fedora.root + `' --nodeps --nouser --nogroup "$@"`,
		"carillon":     `exec '` + m.path("usr/bin/carillon") + `' "$@"`,
		"carillon-aws": `exec '` + m.path("usr/bin/carillon-aws") + `' "$@"`,
		"git":          `mkdir -p "$5/packaging/release"`,
		"go":           `case $1 in run) cp -R '` + again + `' ../../dist ;; *) exec '` + goCommand + `' "$@" ;; esac`,
	} {
		m.write(t, filepath.Join(m.bin, name), "#!/bin/sh\n"+script+"\n", 0o755)
	}
	work := t.TempDir()
	m.do(t, "cp", "-R", dist+"/.", work)
	for _, b := range blocks {
		cmd := m.command("sh", "-ec", b[1])
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 && strings.Contains(b[1], "version") && !strings.Contains(b[1], "cmp") {
			t.Errorf("%s\n%v\n%s", b[1], err, out)
		}
	}
	for _, program := range []string{"carillon", "aws"} {
		checkTerms(t, dist, program, m.do(t, "cat", filepath.Join(work, "carillon_"+version+"_linux_amd64", "LICENSES-"+program+".txt")))
	}
	// The first one finds what was changed.
	m.write(t, filepath.Join(work, "install.sh"), "changed", 0o644)
	cmd := m.command("sh", "-ec", blocks[0][1])
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("%s: got %s, want it to see that a file has changed", blocks[0][1], out)
	}
}

// Archives unpack to what they say, for every system.
func TestArchives(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := packTar(&b, []entry{{name: "top/", mode: 0o755}, {name: "top/program", from: file, mode: 0o755}}, at); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %o %d %s", h.Name, h.Mode, h.Size, h.ModTime.UTC().Format(time.DateOnly)))
	}
	if want := []string{"top/ 755 0 2026-12-01", "top/program 755 4 2026-12-01"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
