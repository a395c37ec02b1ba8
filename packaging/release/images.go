package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageUser is who runs in the image, and owns the volume.
const imageUser = 65532

// imageConfig is what the second stage of the Dockerfile says.
var imageConfig = v1.Config{
	Env: []string{
		"HOME=/data", "TMPDIR=/data", "CARILLON_DATA=/data", "CARILLON_LISTEN=0.0.0.0:24463",
	},
	User: "65532:65532", WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}}, ExposedPorts: map[string]struct{}{"24463/tcp": {}},
	Healthcheck: &v1.HealthConfig{
		Test: []string{"CMD", "/carillon", "health"}, Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 30 * time.Second,
	},
	Entrypoint: []string{"/carillon"}, Cmd: []string{"serve"},
}

// images writes an image for each Linux as `docker load` takes it, and all of them as a layout of
// the Open Container Initiative, for registries.
func (r *release) images(context.Context) error {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		image, err := r.image(t)
		if err != nil {
			return err
		}
		tag, err := name.NewTag("carillon:" + r.version)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(r.out, "carillon_"+r.version+"_"+t.String()+"_docker.tar"), func(w io.Writer) error {
			return tarball.Write(tag, image, w)
		}); err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: t.os, Architecture: t.arch}}})
	}
	dir := filepath.Join(r.stage, "oci")
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	entries, err := entriesOf(dir, "")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(r.out, "carillon_"+r.version+"_oci.tar"), func(w io.Writer) error {
		return writeTar(w, entries[1:], r.date()) // without the directory itself
	})
}

// image is both programs, their licenses and the authorities that clients trust, and nothing else.
func (r *release) image(t target) (v1.Image, error) {
	var authorities bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue // a file cannot say which of its certificates are good
		}
		if err := pem.Encode(&authorities, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	certificates := filepath.Join(r.stage, "ca-certificates.crt")
	if err := os.WriteFile(certificates, authorities.Bytes(), 0o644); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeTar(&b, []entry{
		{name: "aws", from: r.binary(t, "aws"), mode: 0o755},
		{name: "carillon", from: r.binary(t, "carillon"), mode: 0o755},
		{name: "data/", mode: 0o700, uid: imageUser},
		{name: "etc/ssl/certs/ca-certificates.crt", from: certificates, mode: 0o644},
		{name: "licenses/aws.txt", from: r.terms("aws"), mode: 0o644},
		{name: "licenses/carillon.txt", from: r.terms("carillon"), mode: 0o644},
	}, r.date()); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: r.date()}, CreatedBy: "packaging/release"},
	})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created, file.Config = t.os, t.arch, v1.Time{Time: r.date()}, *imageConfig.DeepCopy()
	file.Config.Labels = map[string]string{
		"org.opencontainers.image.source": homepage, "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": "Apache-2.0",
	}
	return mutate.ConfigFile(image, file)
}
