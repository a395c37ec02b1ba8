package help

// Options is what is said about options, for a test of whether all of it is needed.
var Options = options
