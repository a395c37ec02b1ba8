package awscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/terminal"
)

// handedOn is the variable that lists the files that a command was handed on to, in the form of
// PATH. It ends the loop that a script among them would start by calling this program again.
const handedOn = "CARILLON_AWS_HANDED_ON"

// tries is how often a command may be handed on to the same file. A second time is no loop: the
// other aws may run a credential_process that is a script around aws.
const tries = 2

// handOn runs the whole command line, as it was given, by the next aws on PATH.
func (c *cli) handOn(ctx context.Context, command string, args []string) error {
	list, _ := c.env.Lookup(handedOn)
	tried := filepath.SplitList(list)
	next := nextAWS(c.env, tried)
	if next == "" {
		found := "there is no other aws on PATH to hand it on to"
		if len(tried) > 0 {
			found = "each aws that it was handed on to (" + list + ") handed it back"
		}
		return fmt.Errorf("cannot run %q: this aws serves %s only, and %s; install the AWS CLI and put its directory on PATH, or call it by its full name",
			"aws "+command, c.served(), found)
	}
	env := slices.DeleteFunc(slices.Clone(c.env), func(v string) bool { return strings.HasPrefix(v, handedOn+"=") })
	env = append(env, handedOn+"="+strings.Join(append(tried, next), string(filepath.ListSeparator)))

	// A program that replaces this one has the streams of the process, and no others.
	if c.stdin == io.Reader(os.Stdin) && c.stdout == io.Writer(os.Stdout) && c.stderr == io.Writer(os.Stderr) {
		if err := become(next, append([]string{next}, args...), env); !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("handing %q on to %s: %w", "aws "+command, next, err)
		}
	}
	cmd := exec.CommandContext(ctx, next, args...)
	cmd.Env = env
	return c.runChild(ctx, cmd)
}

// nextAWS finds the first aws on PATH that is not this file and was not tried too often, "" for
// none. It ignores relative directories: they would run whatever is in the current one.
func nextAWS(env profile.Env, tried []string) string {
	var self os.FileInfo
	if path, err := os.Executable(); err == nil {
		self, _ = os.Stat(path)
	}
	for _, dir := range filepath.SplitList(systemVariable(env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file, err := exec.LookPath(filepath.Join(dir, "aws"))
		if err != nil {
			continue
		}
		info, err := os.Stat(file)
		if err != nil || os.SameFile(info, self) {
			continue
		}
		count := 0
		for _, t := range tried {
			if t == file {
				count++
			}
		}
		if count < tries {
			return file
		}
	}
	return ""
}

// runChild runs a program with our streams and ends with its exit code.
func (c *cli) runChild(ctx context.Context, cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, c.stderr
	cmd.Cancel = func() error {
		if terminal.Is(c.stdin) {
			return nil // the terminal sends it to the child, too
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitStatus(exitCode(ended.ProcessState))
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("running %s: %w", cmd.Path, err)
	}
	return err
}
