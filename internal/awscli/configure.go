package awscli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/servicefile"
	"github.com/carillon-project/carillon/internal/terminal"
)

// configure runs `aws configure ...`. Of the global options it uses only --profile. Package
// profile reads and writes files and variables.
func (c *cli) configure(ctx context.Context, words []string) error {
	if slices.Equal(words, []string{"help"}) {
		return c.configureHelp()
	}
	line, err := parse(words, nil, positional{name: "subcommand", choices: []string{"list", "get", "set", "add-model"}})
	if err != nil {
		return err
	}
	switch {
	case line.given && slices.Equal(line.rest, []string{"help"}):
		return c.configureHelp()
	case line.word == "list":
		return c.configureList(ctx, line.rest)
	case line.word == "get":
		return c.configureGet(line.rest)
	case line.word == "set":
		return c.configureSet(line.rest)
	case line.word == "add-model":
		return c.configureAddModel(ctx, line.rest)
	case len(line.rest) > 0:
		return unknownWords(line.rest)
	}
	return c.configurePrompt(ctx)
}

// unknownWords refuses words that are left over, in the form of commands that call no operation:
// without usage, and without blanks after commas.
func unknownWords(words []string) error {
	return errors.New("Unknown options: " + strings.Join(words, ","))
}

// configureHelp prints one text for the command and all its subcommands.
func (c *cli) configureHelp() error {
	_, err := io.WriteString(c.out, `aws configure [--profile NAME]
    Asks for the access key, the secret key, the region and the output format,
    and saves the answers that are not empty. Brackets show current values.

aws configure list [--profile NAME]
    Shows the profile, the keys and the region in use, and where they are set.

aws configure get VARNAME [--profile NAME]
    Prints a value from the files. The exit code is 1 if it is not set.

aws configure add-model --service-model <value> [--service-name <value>]
    Saves the model of a service, a text or file://NAME, in ~/.aws/models, from
    where the service becomes a command.

aws configure set VARNAME VALUE [--profile NAME]
    Saves a value: aws_access_key_id, aws_secret_access_key and
    aws_session_token in ~/.aws/credentials, any other in ~/.aws/config.

VARNAME is a setting of the profile (region) or of a named profile
(profile.NAME.region, default.region), or a nested setting
(s3.max_bandwidth). AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name
other files.
`)
	return err
}

// configurePrompt asks for the four values that most users need. It writes the answers when it
// has all of them, so that an interrupt leaves the files as they are.
func (c *cli) configurePrompt(ctx context.Context) error {
	name := "default"
	if p := c.settings.Profile(); p.IsSet() {
		name = p.Text
	}
	in := bufio.NewReader(c.stdin)
	var keys, others []profile.Option
	for _, q := range []struct {
		option, prompt string
		secret         bool
		to             *[]profile.Option
	}{
		{"aws_access_key_id", "AWS Access Key ID", true, &keys},
		{"aws_secret_access_key", "AWS Secret Access Key", true, &keys},
		{"region", "Default region name", false, &others},
		{"output", "Default output format", false, &others},
	} {
		present, err := c.settings.Setting(q.option)
		if _, missing := errors.AsType[profile.NotFoundError](err); err != nil && !missing {
			return err // a missing profile will be made
		}
		shown := present.Text
		switch {
		case !present.IsSet():
			shown = "None"
		case q.secret:
			shown = mask(shown)
		}
		fmt.Fprintf(c.out, "%s [%s]: ", q.prompt, shown)
		answer, err := c.readLine(ctx, in)
		if err != nil {
			return err
		}
		if answer != "" && answer != present.Text {
			*q.to = append(*q.to, profile.Option{Name: q.option, Value: answer})
		}
	}
	if keys == nil && others == nil {
		return nil
	}
	if keys != nil {
		if err := c.settings.SetCredentials(name, keys...); err != nil {
			return unwritten(err)
		}
	}
	return unwritten(c.settings.SetConfig(name, others...)) // keys alone make an empty section there, too
}

// unwritten says in version 1's words that a file cannot be written.
func unwritten(err error) error {
	if e, ok := errors.AsType[*profile.WriteError](err); ok {
		return python.OSError(e.Err, e.Path)
	}
	return err
}

// readLine shows what was printed so far and returns the next line without its end.
func (c *cli) readLine(ctx context.Context, in *bufio.Reader) (string, error) {
	if err := c.out.Flush(); err != nil {
		return "", &writeError{err: err}
	}
	return awaitLine(ctx, in)
}

// awaitLine returns the next line without its end. An interrupt cannot stop a read, so the read is
// abandoned.
func awaitLine(ctx context.Context, in *bufio.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := in.ReadString('\n')
		read <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", interrupted{}
	case r := <-read:
		if r.line == "" && r.err == io.EOF {
			return "", errors.New("EOF when reading a line")
		}
		if r.err != nil && r.err != io.EOF {
			return "", fmt.Errorf("reading the answer: %w", r.err)
		}
		line := strings.TrimSuffix(r.line, "\n")
		if runtime.GOOS == "windows" {
			line = strings.TrimSuffix(line, "\r")
		}
		return line, nil
	}
}

// askSecret asks for what others should not see: at the terminal, or, if there is none, at the
// streams. There is always somebody to ask.
func (c *cli) askSecret(ctx context.Context, text string) (line string, ok bool, err error) {
	if _, real := c.stdin.(*os.File); real {
		if line, ok, err = terminal.AskSecret(ctx, text); ok {
			return line, ok, err
		}
	}
	io.WriteString(c.stderr, text)
	line, err = awaitLine(ctx, bufio.NewReader(c.stdin))
	if err == nil {
		fmt.Fprintln(c.stderr)
	}
	return line, true, err
}

// mask hides all but the last four characters of a key. The number of stars does not depend on
// its length.
func mask(key string) string {
	tail := []rune(key)
	return strings.Repeat("*", 16) + string(tail[max(0, len(tail)-4):])
}

// configureList prints where each value comes from. It prints each row as soon as it knows it: a
// profile that does not exist is shown, then reported.
func (c *cli) configureList(ctx context.Context, words []string) error {
	if len(words) > 0 && !slices.Equal(words, []string{"--"}) {
		return unknownWords(words)
	}
	// Version 1 shows what is configured, which --region is not.
	flag := c.flag(profileOption)
	settings := profile.New(c.env, profile.Flags{Profile: flag})
	row := func(name, value, source, location string) {
		fmt.Fprintf(c.out, "%10s %24s %16s    %s\n", name, value, source, location)
	}
	unset := func(name string) { row(name, "<not set>", "None", "None") }

	row("Name", "Value", "Type", "Location")
	row("----", "-----", "----", "--------")
	switch p := settings.Profile(); {
	case flag != nil && *flag == "":
		row("profile", "None", "manual", "--profile")
	case !p.IsSet():
		unset("profile")
	case p.Source.Type == "env":
		row("profile", p.Text, "env", "['AWS_DEFAULT_PROFILE', 'AWS_PROFILE']")
	default:
		row("profile", p.Text, p.Source.Type, p.Source.Location)
	}
	var keys *profile.Credentials
	from, err := c.settings.Credentials(ctx) // --region says which token service is asked
	if err == nil {
		keys, err = from.Get(ctx)
	}
	switch {
	case errors.Is(err, profile.ErrNoCredentials):
		unset("access_key")
		unset("secret_key")
	case err != nil:
		return err
	default:
		row("access_key", mask(keys.AccessKeyID), keys.Source.Type, "")
		row("secret_key", mask(keys.SecretAccessKey), keys.Source.Type, "")
	}
	region, err := settings.Region()
	switch {
	case err != nil:
		return err
	case !region.IsSet():
		unset("region")
	case region.Source.Type == "config-file":
		row("region", region.Text, "config-file", settings.ConfigFile())
	default:
		row("region", region.Text, region.Source.Type, region.Source.Location)
	}
	return nil
}

// configureGet prints a value, or ends with status 1.
func (c *cli) configureGet(words []string) error {
	line, err := parse(words, nil, positional{name: "varname", required: true})
	if err != nil {
		return err
	}
	if len(line.rest) > 0 {
		return unknownWords(line.rest)
	}
	value, found, err := c.settings.Variable(line.word)
	if block, ok := errors.AsType[profile.BlockError](err); ok {
		io.WriteString(c.stderr, block.Error())
		return exitStatus(exitNotSet)
	}
	if err != nil {
		return err
	}
	if !found {
		return exitStatus(exitNotSet)
	}
	_, err = fmt.Fprintln(c.out, value)
	return err
}

// configureSet writes a value.
func (c *cli) configureSet(words []string) error {
	// The parser takes one positional at a time. The error for none names both.
	line, err := parse(words, nil, positional{name: "varname, value", required: true})
	if err != nil {
		return err
	}
	name, rest := line.word, line.rest
	if dash := slices.Index(words, "--"); dash >= 0 && !slices.Contains(rest, "--") {
		// The parser dropped it next to the name. It still says that -x is a value.
		after := len(words) - dash - 1
		rest = slices.Insert(slices.Clone(rest), max(0, len(rest)-after), "--")
	}
	if line, err = parse(rest, nil, positional{name: "value", required: true}); err != nil {
		return err
	}
	if len(line.rest) > 0 {
		return unknownWords(line.rest)
	}
	return unwritten(c.settings.SetVariable(name, line.word))
}

// configureAddModel saves a model below ~/.aws/models, as it is.
func (c *cli) configureAddModel(ctx context.Context, words []string) error {
	if slices.Equal(words, []string{"help"}) {
		return c.configureHelp()
	}
	modelOption, nameOption := &option{name: "--service-model", required: true}, &option{name: "--service-name"}
	line, err := parse(words, []*option{modelOption, nameOption}, positional{name: "help"})
	if err != nil {
		return err
	}
	if line.given {
		line.rest = append(line.rest, line.word)
	}
	if len(line.rest) > 0 {
		return unknownWords(line.rest)
	}
	word, _ := line.last(modelOption)
	content, _, err := c.loader(ctx).Load(word)
	if err != nil {
		return &params.Error{Option: modelOption.name, Reason: err.Error()}
	}
	text := document.Spell(content)
	place, err := servicefile.Describe(text)
	if err != nil {
		return err
	}
	name, given := line.last(nameOption)
	if !given {
		name = c.commandOf(place.EndpointPrefix)
	}
	for _, part := range []string{name, place.Version} {
		if part == "" || part != filepath.Base(part) || part == ".." || part == "." {
			return fmt.Errorf("configure add-model: %q cannot be the name of a folder in ~/.aws/models", part)
		}
	}
	folder := filepath.Join(c.env.Expand("~/.aws/models"), name, place.Version)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("configure add-model: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(folder, place.File), []byte(text), 0o666); err != nil {
		return fmt.Errorf("configure add-model: %w", err)
	}
	return nil
}

// commandOf returns the command of the service with that endpoint prefix, or the prefix.
func (c *cli) commandOf(prefix string) string {
	if slices.Contains(c.allCommands(), prefix) {
		return prefix
	}
	for _, s := range c.services {
		if s.EndpointPrefix == prefix {
			return s.Command
		}
	}
	return prefix
}
