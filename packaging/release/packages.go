package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // the formats register themselves
	_ "github.com/goreleaser/nfpm/v2/arch"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const (
	homepage   = "https://github.com/carillon-project/carillon"
	maintainer = "The Carillon Authors <carillon-project@users.noreply.github.com>"
)

// formats are Debian's, Fedora's, Alpine's and Arch's.
var formats = []string{"deb", "rpm", "apk", "archlinux"}

// parcel is what a package holds. A place that ends in .gz gets its file compressed.
type parcel struct {
	name, summary, description string
	programs                   map[string]string // where they go, and which they are
	files                      map[string]string // where they go, and where they are in the repository
	links                      map[string]string // where they are, and what they lead to
	config                     map[string]string // as files; what an administrator has changed stays
	pages                      string            // beginning of the names of its manual pages
	completions                bool              // those that the program prints
	scripts                    nfpm.Scripts
	recommends                 []string
}

var parcels = []parcel{
	{
		name: "carillon", summary: "directory service that speaks the Amazon Chime administration API",
		description: "Accounts, users, licenses, phone numbers, chat rooms and bots, for scripts\n" +
			"that administered Amazon Chime: a durable service with signed requests, an\naudit trail, a console and bulk jobs from spreadsheets. It never calls Amazon.",
		programs: map[string]string{"/usr/bin/carillon": "carillon"},
		files: map[string]string{
			"/usr/lib/systemd/system/carillon.service":        "packaging/carillon.service",
			"/usr/lib/systemd/system/carillon-backup.service": "packaging/carillon-backup.service",
			"/usr/lib/systemd/system/carillon-backup.timer":   "packaging/carillon-backup.timer",
			"/usr/lib/sysusers.d/carillon.conf":               "packaging/carillon.sysusers",
			"/usr/lib/tmpfiles.d/carillon.conf":               "packaging/carillon.tmpfiles",
		},
		config: map[string]string{"/etc/carillon/carillon.env": "packaging/carillon.env"},
		pages:  "carillon", completions: true,
		scripts: nfpm.Scripts{
			PostInstall: "packaging/scripts/carillon.postinst", PreRemove: "packaging/scripts/carillon.prerm", PostRemove: "packaging/scripts/carillon.postrm",
		},
		recommends: []string{"systemd", "ca-certificates"},
	},
	{
		name: "carillon-aws", summary: "drop-in for aws chime of AWS CLI version 1",
		description: "The same options, output, errors and exit codes as aws chime of AWS CLI\n" +
			"version 1, in one static file. Other commands go to the next aws on PATH.\nThe program is carillon-aws, and also aws unless another package has that.",
		programs: map[string]string{"/usr/lib/carillon-aws/aws": "aws"},
		links: map[string]string{
			"/usr/lib/carillon-aws/aws_completer":          "aws",
			"/usr/bin/carillon-aws":                        "../lib/carillon-aws/aws",
			"/usr/share/" + manuals + "/carillon-aws.1.gz": "aws-chime.1.gz",
		},
		files: map[string]string{
			"/usr/share/" + bash + "/carillon-aws":            "packaging/aws/completion.bash",
			"/usr/share/zsh/vendor-completions/_carillon-aws": "packaging/aws/completion.zsh",
			"/usr/share/" + fish + "/carillon-aws.fish":       "packaging/aws/completion.fish",
		},
		pages:      "aws-",
		scripts:    nfpm.Scripts{PostInstall: "packaging/scripts/carillon-aws.postinst", PreRemove: "packaging/scripts/carillon-aws.prerm"},
		recommends: []string{"ca-certificates"},
	},
}

// packages writes the packages of each format for each Linux.
func (r *release) packages(context.Context) error {
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		for _, p := range parcels {
			for _, format := range formats {
				if err := r.pack(t, p, format); err != nil {
					return fmt.Errorf("package %s of the format %s for %s: %w", p.name, format, t, err)
				}
			}
		}
	}
	return nil
}

func (r *release) pack(t target, p parcel, format string) error {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	contents, err := r.contents(t, p, format)
	if err != nil {
		return err
	}
	scripts := p.scripts
	for _, script := range []*string{&scripts.PostInstall, &scripts.PreRemove, &scripts.PostRemove} {
		if *script != "" {
			if *script, err = r.script(*script); err != nil {
				return err
			}
		}
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: p.name, Arch: t.arch, Platform: t.os, Version: r.version, MTime: r.date(), DisableGlobbing: true,
		Section: "net", Priority: "optional", Maintainer: maintainer, Vendor: "The Carillon Authors", Homepage: homepage, License: "Apache-2.0",
		Description: p.summary + "\n" + p.description,
		Overridables: nfpm.Overridables{
			Contents: contents, Scripts: scripts,
			RPM: nfpm.RPM{Summary: p.summary, BuildHost: "localhost", Compression: "zstd"},
		},
	})
	if format == "deb" {
		info.Recommends = p.recommends // names of Debian's
	}
	if format == "rpm" || format == "archlinux" {
		info.Release = "1"
	}
	info.Target = filepath.Join(r.out, packager.ConventionalFileName(info))
	return writeFile(info.Target, func(w io.Writer) error { return packager.Package(info, w) })
}

// script copies a script of a package, for the format of Alpine has the times of these files.
func (r *release) script(name string) (string, error) {
	text, err := os.ReadFile(r.file(name))
	if err != nil {
		return "", err
	}
	to := filepath.Join(r.stage, path.Base(name))
	if err := os.WriteFile(to, text, 0o755); err != nil {
		return "", err
	}
	return to, os.Chtimes(to, r.date(), r.date())
}

// contents lists the files of a package.
func (r *release) contents(t target, p parcel, format string) (files.Contents, error) {
	var all files.Contents
	add := func(to, from, kind string, mode fs.FileMode) {
		all = append(all, &files.Content{Source: from, Destination: to, Type: kind, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.date()}})
	}
	for to, program := range p.programs {
		add(to, r.binary(t, program), files.TypeFile, 0o755)
	}
	for to, from := range p.files {
		add(to, r.file(from), files.TypeFile, 0o644)
	}
	for to, from := range p.config {
		add(path.Dir(to), "", files.TypeDir, 0o750)
		add(to, r.file(from), files.TypeConfigNoReplace, 0o640)
	}
	for at, to := range p.links {
		add(at, to, files.TypeSymlink, 0)
	}
	if p.completions {
		for _, file := range []string{bash + "/carillon", zsh + "/_carillon", fish + "/carillon.fish"} {
			to := file
			if format == "deb" { // where its zsh looks
				to = strings.Replace(to, zsh, "zsh/vendor-completions", 1)
			}
			add("/usr/share/"+to, filepath.Join(r.stage, "share", file), files.TypeFile, 0o644)
		}
	}
	pages, err := filepath.Glob(filepath.Join(r.stage, "share", manuals, p.pages+"*"))
	if err != nil {
		return nil, err
	}
	zipped := func(to string, text []byte) error {
		from := filepath.Join(r.stage, "zipped", p.name, to)
		add(to, from, files.TypeFile, 0o644)
		return writeZipped(from, text)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		if err := zipped("/usr/share/"+manuals+"/"+filepath.Base(page)+".gz", text); err != nil {
			return nil, err
		}
	}
	documents := "/usr/share/doc/" + p.name + "/"
	if format != "deb" {
		add(documents+"CHANGELOG.md", r.file("CHANGELOG.md"), files.TypeFile, 0o644)
		kind := files.TypeFile
		if format == "rpm" {
			kind = files.TypeRPMLicense // installed even where documents are not
		}
		licenses := "/usr/share/licenses/" + p.name + "/"
		add(licenses+"LICENSE", r.file("LICENSE"), kind, 0o644)
		add(licenses+"NOTICE", r.file("NOTICE"), kind, 0o644)
		for _, program := range p.programs {
			add(licenses+filepath.Base(r.terms(program)), r.terms(program), kind, 0o644)
		}
		return all, nil
	}
	comments, err := os.ReadFile(r.file("NOTICE"))
	if err != nil {
		return nil, err
	}
	for _, program := range p.programs {
		text, err := os.ReadFile(r.terms(program))
		if err != nil {
			return nil, err
		}
		to := documents + filepath.Base(r.terms(program)) + ".gz"
		if err := zipped(to, text); err != nil {
			return nil, err
		}
		comments = fmt.Appendf(comments, "\nThe licenses of the modules that %s links are in %s.\n", program, to)
	}
	if err := zipped(documents+"changelog.gz", []byte(r.changes.debian(p.name, r.version))); err != nil {
		return nil, err
	}
	copyright := filepath.Join(r.stage, "copyright")
	if err := os.WriteFile(copyright, fmt.Appendf(nil, debianCopyright, homepage, comment(string(comments))), 0o644); err != nil {
		return nil, err
	}
	add(documents+"copyright", copyright, files.TypeFile, 0o644)
	overrides := filepath.Join(r.stage, p.name+".overrides")
	var b strings.Builder
	for to := range p.programs {
		fmt.Fprintf(&b, "# Programs of Go that use no library of C are static.\n%s: statically-linked-binary [%s]\n", p.name, to[1:])
	}
	if err := os.WriteFile(overrides, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	add("/usr/share/lintian/overrides/"+p.name, overrides, files.TypeFile, 0o644)
	return all, nil
}

// debianCopyright is the form that Debian reads by machine.
const debianCopyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Carillon
Source: %s
Comment:
%s
Files: *
Copyright: 2026 The Carillon Authors
License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`

// comment indents a text as a field of a copyright file.
func comment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		if line == "\n" {
			line = ".\n"
		}
		b.WriteString(" " + line)
	}
	return b.String()
}

// writeZipped writes a compressed file that does not tell when.
func writeZipped(to string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	z.ModTime = time.Time{}
	_, err = z.Write(text)
	return errors.Join(err, z.Close(), f.Close())
}
