package server

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a TLS certificate that follows its files: they may be replaced while the server
// runs.
type Certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	warned  bool           // that clients refuse the current one
	loaded  [2]fs.FileInfo // the files when they were last read, whatever came of it
	looked  time.Time
}

// lookEvery is how often handshakes check whether the files have changed.
const lookEvery = time.Second

// LoadCertificate reads a certificate chain and its private key, PEM. Later versions of the files
// are loaded when they change; the log tells of each, and of those that cannot be used. It also
// warns of one that has expired, when that is seen.
func LoadCertificate(certFile, keyFile string, logger *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, logger: logger, looked: time.Now()}
	return c, c.load()
}

// Config returns what a server needs to use the certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if now := time.Now(); now.Sub(c.looked) >= lookEvery {
			c.looked = now
			if c.changed() {
				c.reload()
			}
			c.warn(now)
		}
		return c.current, nil
	}}
}

// Reload reads the files again, changed or not. If they cannot be used, the former certificate
// stays.
func (c *Certificate) Reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reload()
}

func (c *Certificate) reload() {
	if err := c.load(); err != nil {
		c.logger.Error("the new certificate cannot be used, the former one stays", "cause", err)
		return
	}
	c.logger.Info("certificate loaded", "file", c.certFile, "expires", c.current.Leaf.NotAfter)
}

func (c *Certificate) load() error {
	c.loaded = c.stat()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate %s with the key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.warned = &pair, false
	c.warn(time.Now())
	return nil
}

// warn says once of each certificate that it is not valid at a time.
func (c *Certificate) warn(now time.Time) {
	leaf := c.current.Leaf
	if leaf == nil || c.warned || !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter) {
		return
	}
	c.warned = true
	c.logger.Warn("the certificate is not valid now, clients refuse it: renew it", "file", c.certFile, "from", leaf.NotBefore, "until", leaf.NotAfter)
}

// stat tells what the files are, nil for one that is not there.
func (c *Certificate) stat() (infos [2]fs.FileInfo) {
	for i, name := range []string{c.certFile, c.keyFile} {
		infos[i], _ = os.Stat(name) // LoadX509KeyPair says why
	}
	return infos
}

// changed reports whether the files are not those that were read.
func (c *Certificate) changed() bool {
	for i, now := range c.stat() {
		before := c.loaded[i]
		if (now == nil) != (before == nil) {
			return true
		}
		if now != nil && (!os.SameFile(now, before) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime())) {
			return true
		}
	}
	return false
}
