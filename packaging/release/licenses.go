package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is one that a program links. The standard library is one, too.
type module struct {
	path, version, root string
	dirs                map[string]bool // of the packages that are linked, and all between them and the root
}

var (
	// legal are the names of files that go where a program goes which links a package in their
	// directory, or below it.
	legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|copyright|notice|patents)([-._].*)?$`)
	// whole are those of files with the license of a whole directory.
	whole = regexp.MustCompile(`(?i)^(licen[cs]e|copying)(\.txt|\.md)?$`)
)

// known are licenses that allow what a release does as long as their texts come with it: their
// names in SPDX, and what only these texts say. Somebody has read each before it came to be here.
var known = map[string][]string{
	"Apache-2.0":   {"Apache License Version 2.0, January 2004", "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"},
	"BSD-3-Clause": {"Redistribution and use in source and binary forms, with or without modification, are permitted", "Neither the name"},
	"ISC":          {"distribute this software for any purpose with or without fee is hereby granted", "this permission notice appear in all copies"},
	"MIT":          {"Permission is hereby granted, free of charge, to any person obtaining a copy", "The above copyright notice and this permission notice"},
}

// identify returns the name of the license that a text is, or nothing if it is none of the known
// ones, or several.
func identify(text []byte) string {
	flat := strings.Join(strings.Fields(string(text)), " ")
	is := ""
	for id, phrases := range known {
		if slices.ContainsFunc(phrases, func(p string) bool { return !strings.Contains(flat, p) }) {
			continue
		}
		if is != "" {
			return ""
		}
		is = id
	}
	return is
}

// licenses writes for each program a file with the licenses of all that it links on any system:
// they allow to pass on a program if their texts come with it. First is our own.
func (r *release) licenses(ctx context.Context) error {
	r.spdx = map[string]string{}
	for _, program := range []string{"carillon", "aws"} {
		linked, err := r.linked(ctx, program)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s is made of the modules below, some of them on some systems only.\nTheir licenses and notices follow, ours first.\n", program)
		for _, m := range linked {
			fmt.Fprintf(&b, "\n%s\n%s %s\n%[1]s\n", strings.Repeat("=", 80), m.path, m.version)
			if r.spdx[m.path], err = m.write(&b); err != nil {
				return err
			}
		}
		if err := os.WriteFile(r.terms(program), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// terms is the file with the licenses of a program.
func (r *release) terms(program string) string {
	return filepath.Join(r.stage, "LICENSES-"+program+".txt")
}

// linked lists the modules of a program in order, but ours first.
func (r *release) linked(ctx context.Context, program string) ([]*module, error) {
	std, err := goOutput(ctx, r.source, r.targets[0], "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	goVersion, goRoot, _ := strings.Cut(std, "\n")
	// A line has the path of a package's module, its version, its root, and the package's directory.
	// What the standard library vendors has the license of Go. The one that it has elsewhere is that
	// of BoringSSL, which is in no program without GOEXPERIMENT.
	template := "{{if .Standard}}std\t" + goVersion + "\t" + goRoot + "\t" + goRoot +
		"{{else}}{{with .Module}}{{.Path}}\t{{if .Main}}v" + r.version + "{{else}}{{.Version}}{{end}}\t{{.Dir}}{{end}}\t{{.Dir}}{{end}}"
	var ours string
	all := map[string]*module{}
	for _, t := range r.targets {
		out, err := goOutput(ctx, r.source, t, "list", "-deps", "-f", template, "./cmd/"+program)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			m := all[f[0]]
			if m == nil {
				m = &module{path: f[0], version: f[1], root: f[2], dirs: map[string]bool{}}
				all[m.path] = m
			}
			m.dirs[m.root] = true
			for dir := f[3]; len(dir) > len(m.root); dir = filepath.Dir(dir) {
				m.dirs[dir] = true
			}
			ours = m.path // what is listed last depends on all others
		}
	}
	list := []*module{all[ours]}
	delete(all, ours)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[path])
	}
	return list, nil
}

// write writes the texts that a module brings, and returns the name of its license.
func (m *module) write(b *bytes.Buffer) (string, error) {
	license := ""
	var before [][]byte
	for _, dir := range slices.Sorted(maps.Keys(m.dirs)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || !legal.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
				continue
			}
			file := filepath.Join(dir, e.Name())
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			if whole.MatchString(e.Name()) {
				id := identify(text)
				if id == "" {
					return "", fmt.Errorf("module %s %s: %s is none of %s: read what it allows, and add it to known in packaging/release/licenses.go, or link another module",
						m.path, m.version, file, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
				}
				if dir == m.root && license == "" {
					license = id
				}
			}
			if slices.ContainsFunc(before, func(t []byte) bool { return bytes.Equal(t, text) }) {
				continue
			}
			before = append(before, text)
			name, err := filepath.Rel(m.root, file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(b, "\n--- %s ---\n\n%s\n", filepath.ToSlash(name), bytes.TrimRight(text, "\n"))
		}
	}
	if license == "" {
		return "", fmt.Errorf("module %s %s has no LICENSE or COPYING in %s: without one, nobody may pass it on; link another module", m.path, m.version, m.root)
	}
	return license, nil
}
