package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Where manual pages and completions are, below share/ of an archive, as below /usr/share of a
// system.
const (
	manuals = "man/man1"
	bash    = "bash-completion/completions"
	zsh     = "zsh/site-functions"
	fish    = "fish/vendor_completions.d"
)

// describe writes manual pages and completions of both programs, which print most of it themselves.
func (r *release) describe(ctx context.Context) error {
	host, err := r.host()
	if err != nil {
		return err
	}
	say := func(program string, words ...string) (string, error) {
		cmd := exec.CommandContext(ctx, r.binary(host, program), words...)
		cmd.Env = []string{"HOME=" + r.stage} // no settings of this user
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("%s %s: %w", program, strings.Join(words, " "), err)
		}
		return string(out), nil
	}
	for shell, file := range map[string]string{"bash": bash + "/carillon", "zsh": zsh + "/_carillon", "fish": fish + "/carillon.fish"} {
		text, err := say("carillon", "completion", shell)
		if err != nil {
			return err
		}
		if err := r.share(file, text); err != nil {
			return err
		}
	}
	pages, err := filepath.Glob(r.file("packaging/man/*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := r.share(manuals+"/"+filepath.Base(page), string(text)); err != nil {
			return err
		}
	}
	overview, err := say("aws", "chime", "help")
	if err != nil {
		return err
	}
	if err := r.share(manuals+"/aws-chime.1", r.roff("aws-chime", overview)); err != nil {
		return err
	}
	_, list, _ := strings.Cut(overview, "\nOPERATIONS\n")
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z][a-z-]+)$`).FindAllStringSubmatch(list, -1) {
		text, err := say("aws", "chime", m[1], "help")
		if err != nil {
			return err
		}
		name := "aws-chime-" + m[1]
		if err := r.share(manuals+"/"+name+".1", r.roff(name, text)); err != nil {
			return err
		}
	}
	return nil
}

// share writes a file below share/.
func (r *release) share(name, text string) error {
	path := filepath.Join(r.stage, "share", filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

var escapeRoff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace

// firstSentence finds that of the description in a help page.
var firstSentence = regexp.MustCompile(`(?s)\nDESCRIPTION\n(.*?)\.\s`)

// roff makes a manual page of a help page of aws, whose headings are all that is not indented.
// Lines stay as they are: help fills them for 80 columns.
func (r *release) roff(name, help string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"%s\" \"Carillon %s\" \"Carillon manual\"\n", escapeRoff(strings.ToUpper(name)), r.date().Format("2006-01-02"), r.version)
	heading := ""
	var lines []string
	end := func() {
		text := strings.Trim(strings.Join(lines, "\n"), "\n")
		lines = nil
		switch {
		case heading == "":
		case heading == "NAME":
			// Indexes of manuals want the page's name, a dash and a summary.
			_, summary, found := strings.Cut(text, " - ")
			if m := firstSentence.FindStringSubmatch(help); !found && m != nil {
				summary = strings.Join(strings.Fields(m[1]), " ")
			}
			fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escapeRoff(name), escapeRoff(summary))
		default:
			fmt.Fprintf(&b, ".SH \"%s\"\n.nf\n", heading)
			for line := range strings.Lines(text) {
				b.WriteString(guarded(escapeRoff(line)))
			}
			b.WriteString("\n.fi\n")
		}
	}
	for line := range strings.Lines(help) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line[0] != ' ' {
			end()
			heading = line
			continue
		}
		lines = append(lines, strings.TrimPrefix(line, "    "))
	}
	end()
	return b.String()
}

// guarded keeps a line of text from being read as a request.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
