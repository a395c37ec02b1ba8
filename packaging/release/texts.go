package main

import (
	"context"
	"embed"
	"io"
	"path/filepath"
	"text/template"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// bills writes for each program which modules are in it and which licenses they have, as CycloneDX:
// what is in the program for Linux is in all of them.
func (r *release) bills(context.Context) error {
	for _, program := range []string{"carillon", "aws"} {
		g, err := bin.NewGenerator(r.binary(targets[0], program), bin.WithIncludeStdlib(true), bin.WithVersionOverride("v"+r.version), bin.WithLogger(zerolog.Nop()))
		if err != nil {
			return err
		}
		bom, err := g.Generate()
		if err != nil {
			return err
		}
		r.license(bom.Metadata.Component)
		for i := range *bom.Components {
			r.license(&(*bom.Components)[i])
		}
		if err := writeFile(filepath.Join(r.out, program+"_"+r.version+".cdx.json"), func(w io.Writer) error {
			return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
		}); err != nil {
			return err
		}
	}
	return nil
}

// license adds its license to a module of a bill.
func (r *release) license(c *cyclonedx.Component) {
	c.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: r.spdx[c.Name]}}}
}

//go:embed templates
var templates embed.FS

// texts writes the recipes of other package managers, and the script that installs an archive. Each
// holds the sums of what it downloads.
func (r *release) texts(context.Context) error {
	type archive struct{ OS, Arch, Name, Sum string }
	data := struct {
		Version, Homepage, Downloads string
		Archives                     map[string]archive // by system, such as linux_amd64
	}{r.version, homepage, homepage + "/releases/download/v" + r.version, map[string]archive{}}
	for _, t := range r.targets {
		sum, err := r.sum(r.archive(t))
		if err != nil {
			return err
		}
		data.Archives[t.String()] = archive{t.os, t.arch, r.archive(t), sum}
	}
	all, err := template.ParseFS(templates, "templates/*")
	if err != nil {
		return err
	}
	for _, t := range all.Option("missingkey=error").Templates() {
		if err := writeFile(filepath.Join(r.out, t.Name()), func(w io.Writer) error { return t.Execute(w, data) }); err != nil {
			return err
		}
	}
	return nil
}
