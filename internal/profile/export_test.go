package profile

// Parse parses a file with nested settings.
func Parse(path, text string) (*File, error) { return parse(path, text, true) }

// Set sets options in a file, whatever file that is.
var Set = setOptions
