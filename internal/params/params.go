// Package params turns the words of a command line into the input of an operation: it loads
// values from files, reads JSON or shorthand, validates the whole against the contract, and
// writes skeletons of inputs and outputs.
//
// Rules and texts are those of AWS CLI version 1. In particular validation checks members,
// types and lower bounds only; enums, patterns and upper bounds are the service's to judge.
package params

import (
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/shorthand"
)

// Error is a value that could not be read.
type Error struct {
	Option string // as version 1 names it: "--account-id", but "cli-input-json"
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("Error parsing parameter '%s': %s", e.Option, e.Reason)
}

// Read makes the value of an option of the given shape from its words. An option that is no
// list has one word.
func Read(option string, shape *model.Shape, words []string, files *Loader) (any, error) {
	// Only a single word is looked at for a file, also where a list is wanted. A file's text
	// then stands for the whole list.
	fromFile := false
	if len(words) == 1 {
		text, loaded, err := files.Load(words[0])
		if err != nil {
			return nil, &Error{option, err.Error()}
		}
		if b, ok := text.(Bytes); ok {
			if shape.Kind != model.String {
				return nil, &Error{option, "fileb:// gives bytes, which only text members could hold; use file://"}
			}
			return b, nil
		}
		if loaded {
			words, fromFile = []string{text.(string)}, true
		}
	}
	if isShorthand(shape, words) {
		return readShorthand(option, shape, words, fromFile, files)
	}
	if shape.Kind == model.List && !fromFile {
		return readList(option, shape, words)
	}
	return readValue(option, shape, words[0])
}

// isShorthand reports whether words are to be read as shorthand: structures and lists of them
// are, unless the first word looks like JSON.
func isShorthand(shape *model.Shape, words []string) bool {
	if shape.Kind == model.List {
		shape = shape.Element
	}
	if shape.Kind != model.Structure {
		return false
	}
	return len(words) == 0 || !strings.HasPrefix(strip(words[0]), "[") && !strings.HasPrefix(strip(words[0]), "{")
}

func readShorthand(option string, shape *model.Shape, words []string, fromFile bool, files *Loader) (any, error) {
	load := func(value string) (any, error) {
		v, _, err := files.LoadLocal(value)
		return v, err
	}
	parse := func(text string) (any, error) {
		v, err := shorthand.Parse(text, load)
		switch err.(type) {
		case nil:
			return v, nil
		case *LoadError: // version 1 names no option here
			return nil, err
		}
		return nil, &Error{option, err.Error()}
	}
	if shape.Kind == model.Structure || fromFile {
		v, err := parse(words[0])
		if err != nil || shape.Kind == model.List {
			return v, err // a mapping where a list is wanted: validation says so
		}
		return shorthand.Convert(v, shape)
	}
	list := make([]any, len(words))
	for i, word := range words {
		v, err := parse(word)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return shorthand.Convert(list, shape)
}

// readList reads the words of a list option that are no shorthand.
func readList(option string, shape *model.Shape, words []string) (any, error) {
	if len(words) == 1 && strings.HasPrefix(strip(words[0]), "[") {
		return readJSON(option, words[0])
	}
	list := make([]any, len(words))
	for i, word := range words {
		v, err := readValue(option, shape.Element, word)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// readValue reads one text.
func readValue(option string, shape *model.Shape, text string) (any, error) {
	switch shape.Kind {
	case model.Integer:
		n, err := document.ParseInt(text)
		if err != nil {
			return nil, err
		}
		return n, nil
	case model.Boolean:
		return text != "" && !strings.EqualFold(text, "false"), nil
	case model.Structure:
		if strings.HasPrefix(strip(text), "{") {
			return readJSON(option, text)
		}
		return nil, &Error{option, "Invalid JSON:\n" + text}
	case model.List: // the text of a file
		if strings.HasPrefix(strip(text), "[") {
			return readJSON(option, text)
		}
		// Version 1 takes the text apart into characters.
		var chars []string
		for _, c := range text {
			chars = append(chars, string(c))
		}
		return readList(option, shape, chars)
	}
	return text, nil
}

// ReadInputJSON reads the value of --cli-input-json, which must be an object.
func ReadInputJSON(text string) (*document.Object, error) {
	v, err := readJSON("cli-input-json", text)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, &Error{"cli-input-json", "the JSON must be an object with the operation's members, such as --generate-cli-skeleton prints"}
	}
	return o, nil
}

func readJSON(option, text string) (any, error) {
	v, err := document.Parse(text)
	if err != nil {
		return nil, &Error{option, fmt.Sprintf("Invalid JSON: %v\nJSON received: %s", err, text)}
	}
	return v, nil
}

func strip(s string) string { return strings.TrimFunc(s, document.IsSpace) }
