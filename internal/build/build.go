// Package build says which build of the programs is running.
package build

import (
	"runtime/debug"
	"strings"
)

// Version returns the version of the module that was built, without the "v" in front ("1.4.0"),
// or "dev" where the build recorded none.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version("")
	}
	return version(info.Main.Version)
}

// version spells what the go command recorded: "(devel)" if it found no version.
func version(recorded string) string {
	if recorded == "" || recorded == "(devel)" {
		return "dev"
	}
	return strings.TrimPrefix(recorded, "v")
}
