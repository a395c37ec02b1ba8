#!/bin/sh
# Installs Carillon {{.Version}} from its archive: carillon, aws, manual pages and completions go below
# ~/.local, or below PREFIX if that is set. An aws that is there already and is not Carillon's stays.
# CARILLON_DOWNLOADS names another place to download from, such as a mirror.
set -eu

# All is in functions, so that half of this script, if a download breaks off, does nothing.
fail() {
	echo "install.sh: $1" >&2
	exit 1
}

download() {
	if command -v curl >/dev/null; then
		curl --fail --silent --show-error --location --output "$2" "$1"
	elif command -v wget >/dev/null; then
		wget -q -O "$2" "$1"
	else
		fail "install curl or wget first"
	fi
}

sum() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$1"
	else
		shasum -a 256 "$1"
	fi | cut -d ' ' -f 1
}

# place puts a program where it belongs. One that runs keeps its old file.
place() {
	cp "$1" "$2.new"
	chmod 755 "$2.new"
	mv -f "$2.new" "$2"
}

main() {
	case $(uname -s) in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	*) fail "there is no archive for $(uname -s); see {{.Homepage}}/releases" ;;
	esac
	case $(uname -m) in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "there is no archive for $(uname -m)" ;;
	esac
	case ${os}_$arch in
{{- range $system, $a := .Archives}}{{if ne $a.OS "windows"}}
	{{$system}}) name={{$a.Name}} want={{$a.Sum}} ;;
{{- end}}{{end}}
	esac
	prefix=${PREFIX:-$HOME/.local}
	case $prefix in
	/*) ;;
	*) prefix=$PWD/$prefix ;; # below, the directory is another
	esac
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	download "${CARILLON_DOWNLOADS:-{{.Downloads}}}/$name" "$dir/$name"
	got=$(sum "$dir/$name")
	[ "$got" = "$want" ] || fail "$name has the SHA-256 $got, want $want: it was changed on the way"
	tar -xzf "$dir/$name" -C "$dir"
	cd "$dir/${name%.tar.gz}"
	mkdir -p "$prefix/bin" "$prefix/share"
	place carillon "$prefix/bin/carillon"
	if [ -e "$prefix/bin/aws" ] && ! "$prefix/bin/aws" --version 2>&1 | grep -q carillon/; then
		echo "install.sh: $prefix/bin/aws is another program and stays; ours is $prefix/bin/carillon-aws" >&2
		place aws "$prefix/bin/carillon-aws"
	else
		place aws "$prefix/bin/aws"
	fi
	cp -R share/. "$prefix/share/"
	echo "$("$prefix/bin/carillon" version) is in $prefix/bin"
}

main
