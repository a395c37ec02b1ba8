package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/testmode"
)

const recipes = "../../examples"

// TestRecipes runs the tests of examples/ as those who copy them do, each against a service of its
// own: only what starts a container is left out, since AWS_ENDPOINT_URL_CHIME names the service.
// (Those in Go run by themselves.) Interpreters with what the examples need are named by variables:
//
//	CARILLON_TEST_PYTHON  a Python with boto3, pytest and PyYAML
//	CARILLON_TEST_NODE    a directory node_modules with @aws-sdk/client-chime
func TestRecipes(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	run := func(t *testing.T, dir string, env []string, words ...string) string {
		t.Helper()
		home := t.TempDir()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, append(childEnv(home), "AWS_ENDPOINT_URL_CHIME="+serving(t, home, "--test").url)
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", words, err, out)
		}
		return string(out)
	}
	// passed counts the tests that a runner says it has run, so that it cannot have found none.
	passed := func(t *testing.T, out, pattern string) {
		t.Helper()
		if !t.Failed() && !regexp.MustCompile(pattern).MatchString(out) {
			t.Errorf("got %s\nwant %s", out, pattern)
		}
	}

	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		passed(t, run(t, filepath.Join(recipes, "shell"), nil, "sh", "downgrade_test.sh"), `(?m)^ok 4 .*\n1\.\.4$`)
	})
	t.Run("Python", func(t *testing.T) {
		t.Parallel()
		out := run(t, filepath.Join(recipes, "python"), []string{"PYTHONDONTWRITEBYTECODE=1"}, python(t), "-m", "pytest", "-q", "-p", "no:cacheprovider")
		passed(t, out, `(?m)^4 passed`)
	})
	t.Run("JavaScript", func(t *testing.T) {
		t.Parallel()
		modules := os.Getenv("CARILLON_TEST_NODE")
		if modules == "" {
			t.Skip("CARILLON_TEST_NODE is not set; .ci/run sets it")
		}
		dir := filepath.Join(t.TempDir(), "node") // node looks for modules beside the program only
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(recipes, "node"))); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		passed(t, run(t, dir, nil, "node", "--test"), `(?m)^. pass 4$`)
	})
}

func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("CARILLON_TEST_PYTHON")
	if path == "" {
		t.Skip("CARILLON_TEST_PYTHON is not set; .ci/run sets it")
	}
	return path
}

// What the recipes say of the service is so, also in those that need a container.
func TestRecipes_facts(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	var texts strings.Builder
	err := filepath.WalkDir(recipes, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var text []byte
			text, err = os.ReadFile(path)
			texts.Write(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// told returns what an expression finds, or its group, each once.
	told := func(pattern string) []string {
		t.Helper()
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(texts.String(), -1) {
			all = append(all, m[len(m)-1])
		}
		slices.Sort(all)
		if len(all) == 0 {
			t.Fatalf("nothing in the recipes is like %s", pattern)
		}
		return slices.Compact(all)
	}
	for pattern, want := range map[string]string{
		`AKIA\w+`:          testmode.AccessKeyID,
		`carillonTest\w+0`: testmode.SecretAccessKey,
		`\b2\d{4}\b`:       "24463",
	} {
		if got := told(pattern); !slices.Equal(got, []string{want}) {
			t.Errorf("the recipes say %q, want %q", got, want)
		}
	}
	for _, flags := range told(`\bserve((?:[", ]+--[a-z-]+(?:=\w+)?)+)`) {
		words := append(strings.Fields(strings.NewReplacer(`"`, "", ",", "").Replace(flags)), "--help")
		if out, err := exec.Command("carillon", append([]string{"serve"}, words...)...).CombinedOutput(); err != nil {
			t.Errorf("carillon serve %v: %v\n%s", words, err, out)
		}
	}
	sv := serving(t, t.TempDir(), "--test")
	for _, path := range told(`/_carillon/([a-z]+)`) {
		resp, err := http.Get(sv.url + testmode.Prefix + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound {
			t.Errorf("test mode has no path %s", path)
		}
	}
}

// The YAML of the recipes is YAML, and starts the service as the image takes it.
func TestRecipes_YAML(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(recipes, "*.yaml"))
	if err != nil || len(files) != 3 {
		t.Fatalf("got files %v, %v, want 3", files, err)
	}
	const load = "import json, sys, yaml; json.dump({f.rsplit('/')[-1]: yaml.safe_load(open(f)) for f in sys.argv[1:]}, sys.stdout, default=str, skipkeys=True)"
	out, err := exec.Command(python(t), append([]string{"-c", load}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	type container struct {
		Image, Name string
		Command     []string
		HealthCheck struct{ Test []string }
	}
	var all struct {
		Compose struct {
			Services map[string]container
		} `json:"compose.yaml"`
		GitHub struct {
			Env  map[string]string
			Jobs map[string]struct {
				Steps []struct{ Run string }
			}
		} `json:"github-actions.yaml"`
		GitLab struct {
			Tests struct {
				Services []container
				Script   []string
			}
		} `json:"gitlab-ci.yaml"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	serve := []string{"serve", "--test=public"} // as TestImage does
	service := all.Compose.Services["carillon"]
	if service.Image != "carillon" || !slices.Equal(service.Command, serve) || !slices.Equal(service.HealthCheck.Test, []string{"CMD", "/carillon", "health"}) {
		t.Errorf("compose.yaml has %+v", service)
	}
	if s := all.GitLab.Tests.Services; len(s) != 1 || !slices.Equal(s[0].Command, serve) || !strings.HasSuffix(s[0].Name, "/carillon") || len(all.GitLab.Tests.Script) == 0 {
		t.Errorf("gitlab-ci.yaml has %+v", all.GitLab.Tests)
	}
	var scripts string
	for _, step := range all.GitHub.Jobs["tests"].Steps {
		scripts += step.Run
	}
	if !strings.Contains(scripts, " carillon "+strings.Join(serve, " ")+"\n") || all.GitHub.Env["AWS_ENDPOINT_URL_CHIME"] != "http://127.0.0.1:24463" {
		t.Errorf("github-actions.yaml has %+v", all.GitHub)
	}
	for _, script := range append(all.GitLab.Tests.Script, scripts) { // the shell reads it, and runs nothing
		if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
