package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/server"
)

// writeCertificate writes a certificate with a serial number, by which to tell it, and its key.
func writeCertificate(t testing.TB, certFile, keyFile string, serial int64) {
	t.Helper()
	writeCertificateUntil(t, certFile, keyFile, serial, time.Now().Add(time.Hour))
}

func writeCertificateUntil(t testing.TB, certFile, keyFile string, serial int64, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: until}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that has expired is used, for want of another, and the log warns of it once.
func TestCertificate_Expired(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	warnings := func(what string, want int) {
		t.Helper()
		if n := strings.Count(log.String(), "level=WARN"); n != want || want > 0 && !strings.Contains(log.String(), cert) {
			t.Errorf("%s: the log has %d warnings, want %d: %s", what, n, want, &log)
		}
		log.Reset()
	}
	writeCertificateUntil(t, cert, key, 1, time.Now().Add(-time.Hour))
	c, err := server.LoadCertificate(cert, key, logger)
	if err != nil {
		t.Fatal(err)
	}
	warnings("expired at the start", 1)
	handshake := func() {
		t.Helper()
		c.LookSoon()
		if _, err := c.Config().GetCertificate(&tls.ClientHelloInfo{}); err != nil {
			t.Fatal(err)
		}
	}
	handshake()
	warnings("still", 0)
	writeCertificateUntil(t, cert, key, 2, time.Now().Add(time.Hour))
	handshake()
	warnings("renewed", 0)
	writeCertificateUntil(t, cert, key, 3, time.Now().Add(-time.Minute))
	handshake()
	handshake()
	warnings("replaced by one that has expired", 1)
}

func TestCertificate(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	var log bytes.Buffer
	if _, err := server.LoadCertificate(cert, key, slog.New(slog.NewTextHandler(&log, nil))); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("files that are not there: got %v, want an error that names them", err)
	}
	writeCertificate(t, cert, key, 1)
	c, err := server.LoadCertificate(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want int64) {
		t.Helper()
		got, err := c.Config().GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Leaf.SerialNumber.Int64(); n != want {
			t.Errorf("%s: got certificate %d, want %d", what, n, want)
		}
	}
	check("first", 1)
	if log.Len() > 0 {
		t.Errorf("the log has %s", &log)
	}

	writeCertificate(t, cert, key, 2)
	c.Reload()
	check("replaced", 2)
	if !strings.Contains(log.String(), "level=INFO") || !strings.Contains(log.String(), cert) {
		t.Errorf("the log does not tell of the new one: %s", &log)
	}
	log.Reset()
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Reload()
	check("a bad one", 2)
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "former") {
		t.Errorf("the log does not tell of the bad one: %s", &log)
	}
	log.Reset()
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	c.Reload()
	check("none", 2)
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log does not tell that there is none: %s", &log)
	}

	// Handshakes look after the files by themselves, at times.
	log.Reset()
	writeCertificate(t, cert, key, 3)
	c.LookSoon()
	check("changed", 3)
	if !strings.Contains(log.String(), "level=INFO") {
		t.Errorf("the log does not tell of the change: %s", &log)
	}
	log.Reset()
	c.LookSoon()
	check("not changed", 3)
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.LookSoon()
	check("a bad key", 3)
	c.LookSoon()
	check("a bad key, still", 3)
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log tells %d times of the bad key, want once: %s", n, &log)
	}
	writeCertificate(t, cert, key, 4)
	c.LookSoon()
	check("mended", 4)
}
