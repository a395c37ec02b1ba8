// Package build says which build of the programs is running.
package build

import (
	"runtime/debug"
	"strings"
)

// release is what packaging/release has the linker set, such as "1.4.0".
var release string

// Version returns the version that was released ("1.4.0"), or that of the module that was built.
// That of a checkout without a tag has the time and the commit in it, and says whether there were
// changes ("0.0.0-20261124180000-0123456789ab+dirty"). It is "dev" where nothing was recorded.
func Version() string {
	if release != "" {
		return release
	}
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
