// Package params turns the words of a command line into the input of an operation: it loads
// values from files, reads JSON or shorthand, validates the whole against the contract, and
// writes skeletons of inputs and outputs.
//
// Start with [Read], which reads the words of one option (params.go, shorthand.go, load.go), and
// [Validate]. Rules and texts are those of AWS CLI version 1. In particular validation checks
// members, types and lower bounds only. Enums, patterns and upper bounds are left to the service.
package params

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Error is a value that could not be read.
type Error struct {
	Option string // as version 1 names it: "--account-id", but "cli-input-json"
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("Error parsing parameter '%s': %s", e.Option, e.Reason)
}

// takesBytes reports whether a list of such members takes bytes, which to Python are a list of
// numbers.
func takesBytes(k model.Kind) bool {
	switch k {
	case model.String, model.Blob, model.Timestamp, model.Integer, model.Long:
		return true
	}
	return false
}

// Read makes the value of an option of the given shape from its words. An option that is not a
// list has one word. The error is an [*Error], a [*LoadError], or has the text of an exception of
// Python.
func Read(option string, member *model.Member, words []string, files *Loader) (any, error) {
	shape := member.Shape
	// Only a single word is looked at for a file, also where a list is wanted. A file's text
	// then stands for the whole list.
	fromFile := false
	if len(words) == 1 {
		text, loaded, err := files.Load(words[0])
		if err != nil {
			return nil, &Error{option, err.Error()}
		}
		if b, ok := text.(document.Bytes); ok {
			switch {
			case member.Streaming: // of no name that a file could have
				return nil, &Error{option, notAFile}
			case shape.Kind == model.String, shape.Kind == model.Blob, shape.Kind == model.Timestamp:
				return b, nil
			case shape.Kind == model.Integer, shape.Kind == model.Long:
				return document.ToInt(b)
			case shape.Kind == model.List && takesBytes(shape.Element.Kind):
				list := make([]any, len(b))
				for i := range b {
					list[i] = document.Int(int(b[i]))
				}
				return list, nil
			}
			return nil, &Error{option, "fileb:// gives bytes, which only text members could hold; use file://"}
		}
		if loaded {
			words, fromFile = []string{text.(string)}, true
		}
	}
	switch {
	case member.JSONValue && member.Location == model.Header || shape.Document:
		return readJSON(option, words[0])
	case member.Streaming && shape.Kind == model.Blob:
		return readStream(option, words[0], files)
	}
	if isShorthand(shape, words) {
		return readShorthand(option, shape, words, fromFile, files)
	}
	if shape.Kind == model.List && !fromFile {
		return readList(option, shape, words)
	}
	return readValue(option, shape, words[0])
}

// notAFile is what version 1 says of a stream that it cannot open.
const notAFile = "Blob values must be a path to a file."

// readStream reads the file that the option of a stream names.
func readStream(option, name string, files *Loader) (any, error) {
	path := files.Expand(name)
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return nil, &Error{option, notAFile}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, python.OSError(err, path)
	}
	return document.Bytes(data), nil
}

// isShorthand reports whether words are to be read as shorthand: structures, maps and lists of
// those or of lists are, unless the first word looks like JSON.
func isShorthand(shape *model.Shape, words []string) bool {
	if shape.Kind == model.List {
		shape = shape.Element
	} else if shape.Kind != model.Structure && shape.Kind != model.Map {
		return false
	}
	if shape.Document || shape.Kind != model.Structure && shape.Kind != model.Map && shape.Kind != model.List {
		return false
	}
	return len(words) == 0 || !looksLike('[', words[0]) && !looksLike('{', words[0])
}

func readShorthand(option string, shape *model.Shape, words []string, fromFile bool, files *Loader) (any, error) {
	parse := func(text string) (any, error) {
		v, err := parseShorthand(text, files)
		if _, ok := errors.AsType[*syntaxError](err); ok {
			return nil, &Error{option, err.Error()}
		}
		return v, err // version 1 names no option where a file does not load
	}
	if len(words) == 1 && isValue(shape) && !strings.Contains(words[0], "=") {
		return document.NewObject(document.Member{Key: "Value", Value: words[0]}), nil
	}
	if shape.Kind != model.List || fromFile {
		v, err := parse(words[0])
		if err != nil || shape.Kind == model.List {
			return v, err // a mapping where a list is wanted: validation says so
		}
		return convert(v, shape)
	}
	list := make([]any, len(words))
	for i, word := range words {
		v, err := parse(word)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return convert(list, shape)
}

// isValue reports whether a structure is no more than a text, which may then be given alone.
func isValue(shape *model.Shape) bool {
	return shape.Kind == model.Structure && len(shape.Members) == 1 && shape.Members[0].Name == "Value" && shape.Members[0].Shape.Kind == model.String
}

// readList reads the words of a list option that are not shorthand.
func readList(option string, shape *model.Shape, words []string) (any, error) {
	if len(words) == 1 && looksLike('[', words[0]) {
		return readJSON(option, words[0])
	}
	list := make([]any, len(words))
	for i, word := range words {
		v, err := readValue(option, shape.Element, word)
		if err != nil {
			if _, named := errors.AsType[*Error](err); !named {
				return nil, &Error{option, words[0]} // of what could not be read, the first word
			}
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// readValue reads one text.
func readValue(option string, shape *model.Shape, text string) (any, error) {
	switch shape.Kind {
	case model.Integer, model.Long:
		return document.ToInt(text)
	case model.Float, model.Double:
		return document.ToFloat(text)
	case model.Boolean:
		return text != "" && python.Lower(text) != "false", nil
	case model.Structure, model.Map:
		if shape.Document {
			return readJSON(option, text)
		}
		if looksLike('{', text) {
			return readJSON(option, text)
		}
		return nil, &Error{option, "Invalid JSON:\n" + text}
	case model.List: // the text of a file
		if looksLike('[', text) {
			return readJSON(option, text)
		}
		if python.Strip(text) == "" {
			return nil, errors.New("string index out of range") // where version 1 looks for the bracket
		}
		// Version 1 takes the text apart into characters.
		var chars []string
		for _, c := range python.Runes(text) {
			chars = append(chars, python.String([]rune{c}))
		}
		return readList(option, shape, chars)
	}
	return text, nil
}

// ReadInputJSON reads the value of --cli-input-json, or the file that it names, which must be an
// object.
func ReadInputJSON(word string, files *Loader) (*document.Object, error) {
	const option = "cli-input-json"
	content, _, err := files.LoadLocal(word)
	if err != nil {
		return nil, err
	}
	var v any
	if b, ok := content.(document.Bytes); ok {
		text, err := python.DecodeJSON(b)
		if err == nil {
			v, err = document.Parse(text)
		}
		if err != nil {
			return nil, invalidJSON(option, err, python.ReprBytes(b))
		}
	} else if v, err = readJSON(option, content.(string)); err != nil {
		return nil, err
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, &Error{option, "the JSON must be an object with the operation's members, such as --generate-cli-skeleton prints"}
	}
	return o, nil
}

func readJSON(option, text string) (any, error) {
	v, err := document.Parse(text)
	if err != nil {
		return nil, invalidJSON(option, err, text)
	}
	return v, nil
}

func invalidJSON(option string, err error, received string) error {
	return &Error{option, fmt.Sprintf("Invalid JSON: %v\nJSON received: %s", err, received)}
}

// looksLike reports whether text begins with a bracket of JSON, blanks aside.
func looksLike(bracket byte, text string) bool {
	text = python.StripLeft(text)
	return text != "" && text[0] == bracket
}
