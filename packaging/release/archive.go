package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive, or a directory, whose name ends in a slash.
type entry struct {
	name string
	from string // where its bytes are
	mode fs.FileMode
	uid  int // the group is the same
}

// archives writes both programs, with what people read, for each system.
func (r *release) archives(context.Context) error {
	for _, t := range r.targets {
		name := r.archive(t)
		top := strings.TrimSuffix(strings.TrimSuffix(name, ".zip"), ".tar.gz") + "/"
		entries := []entry{{name: top, mode: 0o755}}
		for _, program := range []string{"carillon", "aws"} {
			entries = append(entries, entry{name: top + t.program(program), from: r.binary(t, program), mode: 0o755},
				entry{name: top + filepath.Base(r.terms(program)), from: r.terms(program), mode: 0o644})
		}
		texts, err := r.book(top)
		if err != nil {
			return err
		}
		entries = append(entries, texts...)
		shared, err := entriesOf(filepath.Join(r.stage, "share"), top+"share/")
		if err != nil {
			return err
		}
		pack := packTar
		if t.os == "windows" {
			pack, shared = packZip, nil // it has no manual pages, and its completion is for PowerShell
		}
		if err := writeFile(filepath.Join(r.out, name), func(w io.Writer) error {
			return pack(w, append(entries, shared...), r.date())
		}); err != nil {
			return err
		}
	}
	return nil
}

// book is what people read beside the programs, with what it leads to: links work as they do in the
// repository.
func (r *release) book(top string) ([]entry, error) {
	var all []entry
	files, err := filepath.Glob(r.file("packaging/*.*")) // units, settings and the compose file
	if err != nil {
		return nil, err
	}
	for _, text := range []string{"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "README.md", "SECURITY.md"} {
		all = append(all, entry{name: top + text, from: r.file(text), mode: 0o644})
	}
	all = append(all, entry{name: top + "packaging/", mode: 0o755})
	for _, file := range files {
		all = append(all, entry{name: top + "packaging/" + filepath.Base(file), from: file, mode: 0o644})
	}
	for _, dir := range []string{"docs", "examples", "packaging/monitoring"} {
		entries, err := entriesOf(r.file(dir), top+dir+"/")
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	// What tests of the examples leave in a working copy is not of the release.
	return slices.DeleteFunc(all, func(e entry) bool {
		return strings.Contains(e.name, "/node_modules/") || strings.Contains(e.name, "/__pycache__/") || strings.Contains(e.name, "/.pytest_cache/")
	}), nil
}

// archive is the name of a system's archive.
func (r *release) archive(t target) string {
	if t.os == "windows" {
		return "carillon_" + r.version + "_" + t.String() + ".zip"
	}
	return "carillon_" + r.version + "_" + t.String() + ".tar.gz"
}

// entriesOf lists a directory and what is in it, in order.
func entriesOf(dir, as string) ([]entry, error) {
	var all []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		switch name := as + filepath.ToSlash(rel); {
		case err != nil:
			return err
		case rel == ".":
			all = append(all, entry{name: as, mode: 0o755})
		case d.IsDir():
			all = append(all, entry{name: name + "/", mode: 0o755})
		default:
			all = append(all, entry{name: name, from: path, mode: 0o644})
		}
		return nil
	})
	return all, err
}

// writeFile makes a file of what a function writes.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// packTar writes a compressed archive.
func packTar(w io.Writer, entries []entry, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(writeTar(z, entries, at), z.Close())
}

// writeTar writes an archive in which nothing tells who made it, and when.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode), Uid: e.uid, Gid: e.uid, ModTime: at, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h.Size = int64(len(data))
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(data); err != nil {
			return err
		}
	}
	return t.Close()
}

// packZip is packTar for Windows.
func packZip(w io.Writer, entries []entry, at time.Time) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		if strings.HasSuffix(e.name, "/") {
			continue
		}
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return z.Close()
}
