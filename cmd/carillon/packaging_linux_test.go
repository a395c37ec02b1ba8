package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// systemd understands all of the unit, and the program what the unit tells it.
func TestUnit(t *testing.T) {
	takesTurns(t)
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	t.Parallel()
	program, err := exec.LookPath("carillon")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../packaging/carillon.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The program must be where the unit says, and on this machine it is elsewhere.
	unit := strings.ReplaceAll(string(text), "/usr/bin/carillon", program)
	file := filepath.Join(dir, "carillon.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}

	env := []string{"CARILLON_LISTEN=127.0.0.1:0"} // and no other variable
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1) {
		env = append(env, strings.ReplaceAll(m[1], "/var/lib/carillon", filepath.Join(dir, "state")))
	}
	start := regexp.MustCompile(`(?m)^ExecStart=(\S+) (.*)$`).FindStringSubmatch(unit)
	if start == nil {
		t.Fatal("the unit starts nothing")
	}
	cmd := exec.Command(start[1], strings.Fields(start[2])...)
	cmd.Dir, cmd.Env = "/", env
	s, err := startCommand(cmd, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.env["AWS_ACCESS_KEY_ID"] == "" {
		t.Errorf("the root key is saved nowhere\n%s", s.complaints())
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("the service ended with %v, want exit code 0\n%s", err, s.complaints())
	}
}

// image is what the Dockerfile makes.
type image struct {
	root     string // directory with its files
	env      []string
	uid, gid int
	dir      string
	words    map[string][]string // of ENTRYPOINT, CMD and HEALTHCHECK
}

// buildImage takes the steps of the Dockerfile, as far as there is no need of other images for
// them.
func buildImage(t *testing.T) *image {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out") // stands for /out of the first stage
	im := &image{root: filepath.Join(t.TempDir(), "root"), words: map[string][]string{}}
	shell := func(script string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = "../.."
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, said)
		}
	}
	stage := ""
	for line := range strings.Lines(string(text)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch instruction {
		case "", "#":
		case "FROM":
			stage = words[0]
			continue
		case "EXPOSE", "VOLUME": // change no file
		case "RUN":
			if rest != "go mod download" { // the go command does that where it is needed
				shell(strings.ReplaceAll(rest, "/out", out))
			}
		case "COPY":
			if stage == "scratch" {
				im.copy(t, out, words)
			}
		case "WORKDIR":
			im.dir = rest
		case "ENV":
			im.env = append(im.env, words...)
		case "USER":
			if _, err := fmt.Sscanf(rest, "%d:%d", &im.uid, &im.gid); err != nil {
				t.Fatalf("USER %s: %v, want numbers: nothing in the image knows names", rest, err)
			}
		case "HEALTHCHECK", "ENTRYPOINT", "CMD":
			if instruction == "HEALTHCHECK" { // options, then a command
				_, rest, _ = strings.Cut(rest, "CMD ")
			}
			var list []string
			if err := json.Unmarshal([]byte(rest), &list); err != nil {
				t.Fatalf("%s: %v, want the form without a shell", line, err)
			}
			im.words[instruction] = list
		default:
			t.Fatalf("this test does not know what to do with %s", line)
		}
	}
	if stage != "scratch" {
		t.Fatalf("the image is made from %s, want scratch", stage)
	}
	return im
}

// copy copies files of the first stage. Those that are not made there come from its base image, for
// which an empty file stands.
func (im *image) copy(t *testing.T, out string, words []string) {
	t.Helper()
	owner := "0:0"
	for strings.HasPrefix(words[0], "--") {
		if o, ok := strings.CutPrefix(words[0], "--chown="); ok {
			owner = o
		}
		words = words[1:]
	}
	to := words[len(words)-1]
	for _, from := range words[:len(words)-1] {
		target := filepath.Join(im.root, to)
		if strings.HasSuffix(to, "/") {
			target = filepath.Join(target, filepath.Base(from))
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if made, ok := strings.CutPrefix(from, "/out/"); ok {
			err = os.Rename(filepath.Join(out, made), target)
		} else {
			err = os.WriteFile(target, nil, 0o644)
		}
		if err == nil && os.Getuid() == 0 {
			var uid, gid int
			fmt.Sscanf(owner, "%d:%d", &uid, &gid)
			err = os.Chown(target, uid, gid)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// command runs a program in the image, where there is nothing else.
func (im *image) command(env []string, words ...string) *exec.Cmd {
	attr := &syscall.SysProcAttr{Chroot: im.root}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: uint32(im.uid), Gid: uint32(im.gid)}
	} else { // in a name space where we may do so, and are that user
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: im.uid, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: im.gid, HostID: os.Getgid(), Size: 1}}
	}
	return &exec.Cmd{Path: words[0], Args: words, Env: append(im.env[:len(im.env):len(im.env)], env...), Dir: im.dir, SysProcAttr: attr}
}

// In an image without a shell, a library, a list of users or a place for temporary files both
// programs do their work, over https, too.
func TestImage(t *testing.T) {
	takesTurns(t)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on PATH")
	}
	t.Parallel()
	im := buildImage(t)
	if out, err := im.command(nil, "/carillon", "version").CombinedOutput(); err != nil {
		if os.Getuid() != 0 {
			t.Skipf("this machine lets nobody but root change the root directory: %v", err)
		}
		t.Fatalf("carillon version: %v\n%s", err, out)
	}
	if info, err := os.Stat(filepath.Join(im.root, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("/data: got %v, %v, want a directory with the mode 0700: the first start would complain", info.Mode(), err)
	}
	cert, key := filepath.Join(im.root, "data", "cert.pem"), filepath.Join(im.root, "data", "key.pem")
	if err := writeCertificate(cert, key); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(key, im.uid, im.gid); err != nil {
			t.Fatal(err)
		}
	}
	// Where the authorities that a client trusts come from in the image.
	if err := os.Rename(cert, filepath.Join(im.root, "etc", "ssl", "certs", "ca-certificates.crt")); err != nil {
		t.Fatal(err)
	}
	env := []string{"CARILLON_LISTEN=127.0.0.1:0", "CARILLON_TLS_CERT=/etc/ssl/certs/ca-certificates.crt", "CARILLON_TLS_KEY=/data/key.pem"}
	s, err := startCommand(im.command(env, append(im.words["ENTRYPOINT"], im.words["CMD"]...)...), im.root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.end(os.Kill)
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	env = append(env, "CARILLON_LISTEN="+strings.TrimPrefix(s.url, "https://")) // the port that it has picked
	for _, tt := range []struct{ command, want string }{
		{strings.Join(im.words["HEALTHCHECK"], " "), s.url + " is ready\n"},
		{"/aws chime create-account --name Contained --query Account.Name --output text", "Contained\n"},
		{"/carillon account create --name Acme --type EnterpriseLWA", `"Name": "Acme"`},
		{"/carillon audit --output csv", "operator/uid-65532"},
		{"/carillon demo", "The service has stopped"},
	} {
		out, err := im.command(env, strings.Fields(tt.command)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: got %v and %q, want %q in it", tt.command, err, out, tt.want)
		}
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("the service ended with %v, want exit code 0\n%s", err, s.complaints())
	}

	// A service for tests, as examples/ start it.
	env = []string{"CARILLON_LISTEN=0.0.0.0:0", "CARILLON_DATA=/data/tests"}
	forTests, err := startCommand(im.command(env, append(im.words["ENTRYPOINT"], "serve", "--test=public")...), im.root)
	if err != nil {
		t.Fatal(err)
	}
	defer forTests.end(os.Kill)
	env[0] = "CARILLON_LISTEN=" + strings.TrimPrefix(forTests.url, "http://")
	if out, err := im.command(env, im.words["HEALTHCHECK"]...).CombinedOutput(); err != nil {
		t.Errorf("the health check of a service for tests: %v\n%s", err, out)
	}
}

// The compose file is YAML, checks the health of the service as the image does, and mounts what the
// image declares. The alerts are YAML, each with words for people.
func TestPackagedYAML(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	load := "import json, sys, yaml; json.dump([yaml.safe_load(open(f)) for f in sys.argv[1:]], sys.stdout)"
	out, err := exec.Command(python(t), "-c", load, "../../packaging/compose.yaml", "../../packaging/monitoring/alerts.yaml").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []struct {
		Services map[string]struct {
			Volumes     []string
			HealthCheck struct{ Test []string }
		}
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations struct{ Summary string }
			}
		}
	}
	if err := json.Unmarshal(out, &files); err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	service := files[0].Services["carillon"]
	check := service.HealthCheck.Test
	if len(check) == 0 || !strings.Contains(string(dockerfile), ` CMD ["`+strings.Join(check[1:], `", "`)+"\"]\n") {
		t.Errorf("compose.yaml checks health by %q, want what the Dockerfile has", check)
	}
	if len(service.Volumes) != 1 || !strings.Contains(string(dockerfile), "\nVOLUME "+strings.TrimPrefix(service.Volumes[0], "data:")+"\n") {
		t.Errorf("compose.yaml mounts %q, want what the Dockerfile declares", service.Volumes)
	}
	if len(files[1].Groups) != 1 || len(files[1].Groups[0].Rules) == 0 {
		t.Fatalf("alerts.yaml has %+v, want one group", files[1])
	}
	for _, rule := range files[1].Groups[0].Rules {
		if rule.Annotations.Summary == "" {
			t.Errorf("the alert %s says nothing", rule.Alert)
		}
	}
}
