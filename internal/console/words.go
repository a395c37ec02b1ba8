package console

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// What people read is in files of lines "key = text", a file for each page or so; lines that begin
// with # do not count. %s and %d in a text stand for values. A text about a number has two forms
// with a | between them, the first of which is for 1. To translate the console is to translate
// these files.
//
//go:embed words
var wordFiles embed.FS

var words = sync.OnceValue(readWords)

func readWords() map[string]string {
	all := map[string]string{}
	entries, err := fs.Glob(wordFiles, "words/*.txt")
	if err != nil {
		panic(err)
	}
	for _, name := range entries {
		text, err := wordFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
			line := strings.TrimSpace(lines.Text())
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			key, value, ok := strings.Cut(line, " = ")
			if _, twice := all[key]; !ok || twice {
				panic(fmt.Sprintf("%s: %q is no line of the form key = text, or has a key that is there already", name, line))
			}
			all[key] = value
		}
	}
	return all
}

func hasWord(key string) bool { return words()[key] != "" }

// say returns the text of a key with values in it. A key without a text is a mistake of ours, which
// the tests find.
func say(key string, values ...any) string {
	text := words()[key]
	if text == "" {
		panic("there is no text " + key)
	}
	if one, many, ok := strings.Cut(text, "|"); ok {
		text = many
		for i, v := range values {
			if n, isCount := v.(int); isCount {
				if n == 1 {
					text = one
				}
				values[i] = number(n)
				break
			}
		}
		text = strings.Replace(text, "%d", "%s", 1)
	}
	if len(values) == 0 {
		return text
	}
	return fmt.Sprintf(text, values...)
}
