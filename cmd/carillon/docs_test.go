package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What the documentation tells people to type works. TestDocs runs the commands of all blocks
//
//	```console
//	$ first command
//	$ second command \
//	    with a second line
//	what the second prints
//	```
//
// in docs/*.md, and of the blocks ```sh in README.md, which people paste as they are, without "$"
// and without what is printed. It runs them in the order of the page, in an empty directory that
// stands for the repository. One shell runs all commands of a page, so what one of them sets or
// makes is there for the next, and the work tree stays as it is. Every command must succeed. If the
// page shows what a command prints, it prints that: ids, times and the like may differ, and "..."
// stands for anything. A block ```text shows a command of the page once more, with what it prints.
// The shell is zsh, in which more goes wrong than in others, or else sh. README.md is for people
// with any shell, so bash, zsh and fish run it, where they are installed, as .ci/run sees to. A few
// commands mean more than the shell should do here:
//
//   - `go run ./cmd/carillon ...` runs the program as it is in this test;
//   - `CGO_ENABLED=0 go build -o bin/ ...` builds for real, into the directory's bin, but once for
//     all pages (without the variable people would get programs that need libraries);
//   - `bin/carillon serve ...` goes on in the background, on a free port; the next command waits
//     until it is ready, and in the end it must stop well;
//   - `go test ./...` would run itself: instead it must be a step of .ci/run, so that it is run;
//   - `go test ... -bench NAME` takes long: instead there must be such a benchmark.
//
// Any other command of go is an error: give it a meaning here.
func TestDocs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the documentation is for a POSIX shell")
	}
	takesTurns(t)
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	built := &builds{dir: t.TempDir(), made: make(map[string]string)}
	usual := "zsh"
	if _, err := exec.LookPath(usual); err != nil {
		usual = "sh"
	}
	for _, file := range files {
		follow(t, root, file, usual, built)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if _, err := exec.LookPath(shell); err == nil {
			follow(t, root, filepath.Join(root, "README.md"), shell, built)
		} else if os.Getenv("CI") != "" {
			t.Errorf("%s is not installed: .ci/run should have done so", shell)
		}
	}
}

// follow does what a page says, in a shell, as a test of its own.
func follow(t *testing.T, root, file, shell string, built *builds) {
	name, _ := filepath.Rel(root, file)
	t.Run(filepath.ToSlash(name)+" in "+shell, func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &reader{root: root, dir: t.TempDir(), language: shell, builds: built}
		defer r.stop(t)
		printed := make(map[string]string)
		kind := "console"
		if filepath.Base(name) == "README.md" && filepath.Dir(name) == "." {
			kind = pasted
		}
		for _, c := range commands(string(text), kind) {
			out, err := r.run(t, c.text)
			if err != nil {
				t.Fatalf("%s:%d: $ %s\n%v", name, c.line, c.text, err)
			}
			printed[c.text] = out
			c.check(t, name, out)
		}
		for _, c := range commands(string(text), "text") {
			c.check(t, name, printed[c.text])
		}
	})
}

// docCommand is a command with its place in a file.
type docCommand struct {
	line  int
	text  string
	shown string // what it prints, empty if the page does not show it
}

// pasted is the kind of blocks that have commands only, without a "$" before them.
const pasted = "sh"

// commands returns the commands of the blocks of a page that are of one kind.
func commands(page, kind string) []docCommand {
	var all []docCommand
	inside, more := false, false
	for i, line := range strings.Split(page, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		isCommand = isCommand || kind == pasted
		switch {
		case strings.HasPrefix(line, "```"):
			inside = !inside && line == "```"+kind
		case !inside:
		case more:
			all[len(all)-1].text += "\n" + line
			more = strings.HasSuffix(line, `\`)
		case isCommand:
			all = append(all, docCommand{line: i + 1, text: command})
			more = strings.HasSuffix(line, `\`)
		case len(all) > 0:
			all[len(all)-1].shown += line + "\n"
		}
	}
	return all
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

type replacements []struct {
	what *regexp.Regexp
	by   string
}

func (r replacements) replace(text string) string {
	for _, one := range r {
		text = one.what.ReplaceAllLiteralString(text, one.by)
	}
	return text
}

// varies matches what is another each time that a command of a page runs.
var varies = replacements{
	{uuid, "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:[0-9.]+)?Z?`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`-\d{8}-\d{6}-[0-9a-f]{6}\b`), "-JOB"},
	{regexp.MustCompile(`link#[\w-]+`), "LINK"},
	{regexp.MustCompile(`"version":"[^"]*"`), "VERSION"},
	{regexp.MustCompile(`\d+\.\d MB, schema \d+|"bytes":\d+`), "SIZE"},
	{regexp.MustCompile(` {2,}`), "  "}, // columns are as wide as what is in them
}

// check compares what a command has printed with what the page shows of it.
func (c docCommand) check(t *testing.T, page, printed string) {
	t.Helper()
	if c.shown == "" {
		return
	}
	want := regexp.QuoteMeta(strings.TrimSpace(varies.replace(c.shown)))
	want = strings.ReplaceAll(want, `\.\.\.`, `[^\n]*`)
	if got := strings.TrimSpace(varies.replace(printed)); !regexp.MustCompile(`\A` + want + `\z`).MatchString(got) {
		t.Errorf("%s:%d: $ %s\nprints\n%s\nthe page shows\n%s", page, c.line, c.text, got, c.shown)
	}
}

// reader does what a page says.
type reader struct {
	root     string // of the repository
	dir      string // stands for it
	language string // the shell's name
	builds   *builds
	env      []string // that the page sets for the service, too
	services []*service

	shell  *exec.Cmd // nil until it is needed
	input  io.WriteCloser
	output *bufio.Scanner
}

var benchFlag = regexp.MustCompile(`-bench[ =]'?([^ ']+)`)

// run does what a command means, and returns what it prints.
func (r *reader) run(t *testing.T, command string) (string, error) {
	words := strings.Fields(command)
	switch {
	case strings.HasPrefix(command, "go run ./cmd/carillon "):
		return r.succeed(exec.Command("carillon", words[3:]...))
	case strings.HasPrefix(command, "CGO_ENABLED=0 go build -o bin/ "):
		return "", r.build(words[5:])
	case strings.HasPrefix(command, "export CARILLON_"): // in all terminals
		r.env = append(r.env, words[1])
		return r.tell(t, command)
	case strings.HasPrefix(command, "bin/carillon serve"):
		s, err := startService(filepath.Join(r.dir, "bin", "carillon"), r.dir, append(childEnv(r.dir), r.env...), words[2:]...)
		if err != nil {
			return "", err
		}
		r.services = append(r.services, s)
		return regexp.MustCompile(`(?m)^time=.*\n`).ReplaceAllString(s.complaints(), ""), nil // but the log
	case command == "go test ./...":
		steps, err := os.ReadFile(filepath.Join(r.root, ".ci", "run"))
		if err == nil && !slices.ContainsFunc(strings.Split(string(steps), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "step ") && strings.HasSuffix(line, " "+command)
		}) {
			err = errors.New("it is no step of .ci/run")
		}
		return "", err
	case words[0] == "go" && words[1] == "test" && benchFlag.MatchString(command):
		return "", r.findBenchmark(words, benchFlag.FindStringSubmatch(command)[1])
	case words[0] == "go":
		return "", errors.New("the test of the documentation does not know what to do with it")
	}
	return r.tell(t, command)
}

// builds are what `go build` has made for all pages.
type builds struct {
	mu   sync.Mutex
	dir  string
	made map[string]string // directories with programs, by the packages that they were made of
}

// of returns the directory with the programs of some packages.
func (b *builds) of(r *reader, packages []string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.Join(packages, " ")
	if b.made[key] == "" {
		dir := filepath.Join(b.dir, fmt.Sprint(len(b.made)))
		build := exec.Command("go", append([]string{"build", "-o", dir + "/"}, packages...)...)
		build.Dir, build.Env = r.root, append(os.Environ(), "CGO_ENABLED=0")
		if _, err := r.succeed(build); err != nil {
			return "", err
		}
		b.made[key] = dir
	}
	return b.made[key], nil
}

// build puts the programs of some packages into the directory's bin.
func (r *reader) build(packages []string) error {
	made, err := r.builds.of(r, packages)
	if err != nil {
		return err
	}
	programs, err := os.ReadDir(made)
	if err != nil {
		return err
	}
	bin := filepath.Join(r.dir, "bin")
	err = os.MkdirAll(bin, 0o755)
	for _, p := range programs {
		os.Remove(filepath.Join(bin, p.Name())) // a page may build twice
		err = errors.Join(err, os.Link(filepath.Join(made, p.Name()), filepath.Join(bin, p.Name())))
	}
	return err
}

// succeed runs a program, in the directory unless it has one, and returns what it printed.
func (r *reader) succeed(cmd *exec.Cmd) (string, error) {
	if cmd.Dir == "" {
		cmd.Dir, cmd.Env = r.dir, childEnv(r.dir)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), err
}

// findBenchmark looks for a benchmark in the packages among the words. It reads their files: having
// go list them would compile all of it.
func (r *reader) findBenchmark(words []string, pattern string) error {
	pattern, _, _ = strings.Cut(pattern, "/")
	benchmark, err := regexp.Compile(`(?m)^func Benchmark\w*` + strings.ReplaceAll(pattern, "$", `\(`))
	if err != nil {
		return err
	}
	for _, word := range words {
		if !strings.HasPrefix(word, "./") {
			continue
		}
		dir, below := strings.CutSuffix(word, "/...")
		found := false
		err := filepath.WalkDir(filepath.Join(r.root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && !below && path != filepath.Join(r.root, dir):
				return fs.SkipDir
			case !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path)
			found = found || benchmark.Match(text)
			return err
		})
		if err == nil && !found {
			err = fmt.Errorf("there is no benchmark %s in %s", pattern, word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prompt is what the shell prints after a command that succeeded.
const prompt = "-- done --"

// fishLoop makes fish run commands as they arrive, each ended by a zero byte. Left alone it would
// read its whole input first.
const fishLoop = `while read -z command; eval $command </dev/null; or exit 1; echo; echo '` + prompt + `'; end`

// tell gives a command to the shell, which ends at the first that fails, and returns what it
// prints.
func (r *reader) tell(t *testing.T, command string) (string, error) {
	if r.shell == nil {
		// Standard error goes the way of standard output, in the order in which a person sees both.
		sh := exec.Command("sh", "-c", `exec "$@" 2>&1`, "sh", r.language, "-e")
		if r.language == "fish" {
			sh.Args = append(sh.Args[:5], "-c", fishLoop)
		}
		sh.Dir, sh.Env = r.dir, childEnv(r.dir)
		input, err := sh.StdinPipe()
		if err != nil {
			return "", err
		}
		output, err := sh.StdoutPipe()
		if err != nil {
			return "", err
		}
		if err := sh.Start(); err != nil {
			return "", err
		}
		r.shell, r.input, r.output = sh, input, bufio.NewScanner(output)
	}
	guard := time.AfterFunc(hung, func() { r.shell.Process.Kill() })
	defer guard.Stop()
	if r.language == "fish" {
		fmt.Fprintf(r.input, "%s\x00", command)
	} else { // braces keep the command in this shell, and its input apart from the shell's
		fmt.Fprintf(r.input, "{ %s\n} </dev/null\necho; echo '%s'\n", command, prompt)
	}
	var shown strings.Builder
	for r.output.Scan() {
		if r.output.Text() == prompt {
			return shown.String(), nil
		}
		fmt.Fprintln(&shown, r.output.Text())
	}
	return "", fmt.Errorf("the shell ended: %v\n%s", r.shell.Wait(), shown.String())
}

// stop ends what the page has started, in the way of a person who has read it.
func (r *reader) stop(t *testing.T) {
	if r.shell != nil && r.shell.ProcessState == nil {
		r.input.Close()
		for r.output.Scan() {
		}
		r.shell.Wait()
	}
	for _, s := range r.services {
		if err := s.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s ended with %v, want exit code 0\n%s", s.cmd, err, s.complaints())
		}
	}
}

// Every variable that carillon reads is told to people by its help or the README, and none that
// the pages tell of is made up.
func TestVariablesAreDocumented(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	name := regexp.MustCompile(`CARILLON_[A-Z][A-Z_]*[A-Z]`)
	help := helpOf(t)
	known, told := map[string]bool{}, map[string]bool{}
	for _, v := range name.FindAllString(help, -1) {
		known[v], told[v] = true, true
	}
	read := func(path string) []string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return name.FindAllString(string(text), -1)
	}
	for _, v := range read("../../README.md") {
		told[v] = true
	}

	inProgram := 0
	for _, dir := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			for _, v := range read(path) {
				known[v] = true
				if filepath.Base(filepath.Dir(path)) != "carillon" || strings.HasSuffix(path, "_test.go") {
					continue
				}
				inProgram++
				if !told[v] {
					t.Errorf("%s reads %s, which neither the help of carillon nor README.md mentions", path, v)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if inProgram == 0 {
		t.Error("internal/carillon names no variable: where is CARILLON_ROOT_ACCESS_KEY_ID read now?")
	}

	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: got pages %v, %v, want some", pattern, pages, err)
		}
		for _, page := range pages {
			for _, v := range read(page) {
				if !known[v] {
					t.Errorf("%s mentions %s, which nothing reads", page, v)
				}
			}
		}
	}
}

// The page on operating lists the metrics that there are, all of them.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "faults.json"), []byte(`{"operation": "GetBot", "effect": {"statusCode": 429}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir, "--test", "--faults", "faults.json") // which has those of any service, and more
	names := func(text, pattern string) map[string]bool {
		found := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
		}
		return found
	}
	create := exec.Command("aws", "chime", "create-account", "--name", "Metered", "--query", "Account.AccountId", "--output", "text")
	create.Env = childEnv(dir)
	for name, value := range s.env {
		create.Env = append(create.Env, name+"="+value)
	}
	account, err := create.Output()
	if err != nil {
		t.Fatal(err)
	}
	invite := exec.Command("aws", "chime", "invite-users", "--account-id", strings.TrimSpace(string(account)), "--user-email-list", "ana@example.com")
	invite.Env = create.Env
	if out, err := invite.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var there map[string]bool
	told := names(string(page), "`(carillon_\\w+)`")
	// What is counted in the database is left out as long as the count takes its time.
	for begin := time.Now(); !maps.Equal(there, told) && time.Since(begin) < hung; {
		metrics, err := scrape(s.url)
		if err != nil {
			t.Fatal(err)
		}
		there = names(metrics, `(?m)^# TYPE (carillon_\w+) `)
	}
	if !maps.Equal(there, told) || len(there) == 0 {
		t.Errorf("/metrics has %v,\nthe page lists %v", slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(told)))
	}
}

// helpOf returns the help of carillon and of all the commands below it.
func helpOf(t *testing.T, command ...string) string {
	t.Helper()
	cmd := exec.Command("carillon", append(command, "--help")...)
	cmd.Env = childEnv(t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("carillon %s --help: %v", strings.Join(command, " "), err)
	}
	text := string(out)
	below := regexp.MustCompile(`(?m)^  ([a-z][\w-]*)  `).FindAllStringSubmatch(text, -1)
	if len(command) == 0 && len(below) == 0 {
		t.Fatalf("carillon --help lists no commands:\n%s", text)
	}
	for _, name := range below {
		text += helpOf(t, append(slices.Clip(command), name[1])...)
	}
	return text
}

// Each claim of the threat model, and of what is durable, names tests that there are.
func TestClaims(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(path, ".txtar"):
			tests[filepath.Base(path)] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllSubmatch(text, -1) {
				tests[string(m[1])] = true
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, claims := range []struct {
		page  string
		least int // names of tests in it
	}{{"threat-model.md", 30}, {"durability.md", 20}} {
		page, err := os.ReadFile(filepath.Join(root, "docs", claims.page))
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`(Test\\w+|\\w+\\.txtar)`").FindAllSubmatch(page, -1)
		if len(named) < claims.least {
			t.Errorf("got %d names of tests in %s; is it read as it is written?", len(named), claims.page)
		}
		for _, m := range named {
			if name := string(m[1]); !tests[name] {
				t.Errorf("%s names %s, which is no test", claims.page, name)
			}
		}
	}
}

// elsewhere are the programs of others in the blocks ```sh, which TestDocs does not run, with the
// reason, or with who runs them.
var elsewhere = map[string]string{
	"apt":           "takes root: TestRelease in packaging/release installs the packages",
	"aws configure": "TestReplay has cases of add-model",
	"cp":            "puts files where TestReplay has them",
	"createdb":      "TestPostgresDump does the same on a server of its own",
	"createuser":    "as createdb",
	"docker":        "there is no container engine: TestImage takes the steps of the Dockerfile",
	"export":        "sets a variable for the next line",
	"go":            "takes a Citus",
	"head":          "root makes a secret key",
	"install":       "takes root: TestUnit reads the unit that is installed",
	"ln":            "TestBashCompletes has a completer under such a name",
	"mkdir":         "root puts a secret key there",
	"pg_dump":       "TestPostgresDump runs it",
	"pg_restore":    "TestPostgresDump runs it",
	"sed":           "takes root: TestUnit reads the unit",
	"systemctl":     "takes a machine with systemd",
	"useradd":       "takes root",
}

// What the blocks ```sh show takes root, other machines or other programs, so TestDocs does not run
// it. But commands of ours have the options that the pages give them, and others are known above.
func TestDocs_NotRun(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	before := regexp.MustCompile(`^(sudo -u carillon |docker exec carillon /|bin/|\(umask 077; |\w+=\S+ )+`)
	used := make(map[string]bool)
	ours := 0
	for _, page := range pages {
		if filepath.Base(page) == "verifying.md" {
			continue // TestRelease in packaging/release runs all of it
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text = moving.ReplaceAll(text, nil) // TestPostgresMove runs it
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", "")) {
				command := strings.TrimSpace(line)
				if command == "" {
					continue
				}
				command = before.ReplaceAllString(command, "")
				var ask string
				program, rest, _ := strings.Cut(command, " ")
				if program == "aws" && strings.HasPrefix(rest, "configure ") {
					program = "aws configure" // has no option that only checks
				}
				switch program {
				case "carillon":
					ask = "--help"
				case "aws":
					ask = "--generate-cli-skeleton"
				default:
					if elsewhere[program] == "" {
						t.Errorf("%s: make a block ```console of this, or say who runs it: %s", filepath.Base(page), command)
					}
					used[program] = true
					continue
				}
				ours++
				cmd := exec.Command("sh", "-c", command+" "+ask)
				cmd.Env = append(childEnv(t.TempDir()), "ACCOUNT=a", "BOT=b", "ROOM=r", "ANA=u", "NEW_DATABASE_URL=postgres://h/d")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v\n%s", filepath.Base(page), command, err, out)
				}
			}
		}
	}
	if ours < 5 || len(used) != len(elsewhere) {
		t.Errorf("got %d commands of ours and the programs %v of others, want %v", ours, slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(elsewhere)))
	}
}
