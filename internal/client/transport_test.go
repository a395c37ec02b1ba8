package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/client"
)

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate signed by issuer, or by itself if issuer is nil. By default it is for a
// server at localhost and 127.0.0.1, and valid for a day from an hour ago.
func issue(t *testing.T, issuer *identity, change func(*x509.Certificate)) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "server"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

func authority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA = true
		c.KeyUsage = x509.KeyUsageCertSign
		c.ExtKeyUsage, c.DNSNames, c.IPAddresses = nil, nil, nil
	}
}

// bundle writes certificates to a file, together with other text that such files may have.
func bundle(t *testing.T, certs ...*identity) string {
	t.Helper()
	text := "# a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	for _, c := range certs {
		text += "\n=== " + c.cert.Subject.CommonName + "\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}))
	}
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// serveTLS starts a service that presents the chain, and returns its port.
func serveTLS(t *testing.T, chain ...*identity) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	presented := tls.Certificate{PrivateKey: chain[0].key}
	for _, c := range chain {
		presented.Certificate = append(presented.Certificate, c.cert.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{presented}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of failed handshakes
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Each verdict must be the same as that of crypto/tls with the whole bundle.
func TestCall_certificates(t *testing.T) {
	root, other := issue(t, nil, authority("root")), issue(t, nil, authority("other"))
	twin := issue(t, nil, authority("root")) // the same name, another key
	middle := issue(t, root, authority("middle"))
	server := issue(t, root, nil)
	below := issue(t, middle, nil)
	own := issue(t, nil, nil)
	with := func(change func(*x509.Certificate)) *identity { return issue(t, root, change) }
	nameless := with(func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames, c.IPAddresses = "localhost", nil, nil
	})
	fenced := issue(t, nil, func(c *x509.Certificate) {
		authority("fenced")(c)
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.com"}
	})
	all := []*identity{other, root, issue(t, nil, authority("third"))}

	for _, test := range []struct {
		name   string
		host   string
		chain  []*identity
		bundle []*identity
		want   string // empty for trusted
	}{
		{"by name", "localhost", []*identity{server}, all, ""},
		{"by address", "127.0.0.1", []*identity{server}, all, ""},
		{"unknown issuer", "localhost", []*identity{server}, []*identity{other}, "unknown authority"},
		{"the issuer's namesake", "localhost", []*identity{server}, []*identity{twin}, "unknown authority"},
		{"the issuer beside its namesake", "localhost", []*identity{server}, []*identity{twin, root}, ""},
		{"another name", "localhost", []*identity{with(func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })}, all, "not localhost"},
		{"another address", "127.0.0.1", []*identity{with(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} })}, all, "not 127.0.0.1"},
		{"a name where an address is asked for", "127.0.0.1", []*identity{with(func(c *x509.Certificate) { c.IPAddresses = nil })}, all, "127.0.0.1"},
		{"an address where a name is asked for", "localhost", []*identity{with(func(c *x509.Certificate) { c.DNSNames = nil })}, all, "localhost"},
		{"a name in the subject only", "localhost", []*identity{nameless}, all, "localhost"},
		{"expired", "localhost", []*identity{with(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, all, "expired"},
		{"not yet valid", "localhost", []*identity{with(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })}, all, "not yet valid"},
		{"for clients only", "localhost", []*identity{with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })}, all, "incompatible key usage"},
		{"self-signed", "localhost", []*identity{own}, all, "unknown authority"},
		{"self-signed, in the bundle", "localhost", []*identity{own}, []*identity{own}, ""},
		{"itself in the bundle", "localhost", []*identity{server}, []*identity{server}, ""},
		{"intermediate presented", "localhost", []*identity{below, middle}, all, ""},
		{"intermediate and root presented", "127.0.0.1", []*identity{below, middle, root}, all, ""},
		{"root presented, not in the bundle", "localhost", []*identity{below, middle, root}, []*identity{other}, "unknown authority"},
		{"intermediate missing", "localhost", []*identity{below}, all, "unknown authority"},
		{"intermediate in the bundle", "localhost", []*identity{below}, []*identity{middle}, ""},
		{"issued by a server", "localhost", []*identity{issue(t, server, nil), server}, all, "certificate"},
		{"a name that the issuer may not certify", "localhost", []*identity{issue(t, fenced, nil)}, []*identity{fenced}, "not permitted"},
		{"expired issuer", "localhost", []*identity{issue(t, middle, nil), issue(t, root, func(c *x509.Certificate) {
			authority("middle")(c)
			c.NotAfter = time.Now().Add(-time.Minute)
		})}, all, "certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := "https://" + test.host + ":" + serveTLS(t, test.chain...)
			file := bundle(t, test.bundle...)
			var slept pauses
			config := config(url)
			config.CABundle, config.Sleep = file, slept.sleep
			_, err := connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil)

			pool := x509.NewCertPool()
			text, readErr := os.ReadFile(file)
			if readErr != nil {
				t.Fatal(readErr)
			}
			pool.AppendCertsFromPEM(text)
			plain := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
			defer plain.CloseIdleConnections()
			response, standard := (&http.Client{Transport: plain}).Get(url)
			if standard == nil {
				response.Body.Close()
			}
			if (err == nil) != (standard == nil) {
				t.Errorf("error = %v, the standard verification's is %v", err, standard)
			}

			if test.want == "" {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			failed, ok := errors.AsType[*client.TransportError](err)
			if !ok || failed.Failure != client.Untrusted || failed.Sent() {
				t.Fatalf("error = %v, want an untrusted certificate", err)
			}
			prefix := "SSL validation failed for " + url + "/settings [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
			if !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want %s and %q", err, prefix, test.want)
			}
			if got, want := len(slept.all), 4; got != want {
				t.Errorf("retried %d times, want %d, as any failed connection", got, want)
			}

			config.NoVerifySSL = true
			if _, err := connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil); err != nil {
				t.Errorf("without verification: %v", err)
			}
		})
	}
}

func TestCall_bundle(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificates\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := issue(t, nil, authority("root"))
	secured := "https://localhost:" + serveTLS(t, issue(t, root, nil))
	open := serve(t, answer{status: 200, body: "{}"})

	for _, test := range []struct{ name, url, bundle, want string }{
		{"missing", secured, "/nonexistent/ca.pem", "reading CA bundle: open /nonexistent/ca.pem: "},
		{"without certificates", secured, empty, "reading CA bundle: " + empty + " holds no certificate"},
		{"missing, for http", open.URL, "/nonexistent/ca.pem", ""},
		{"that of the system", secured, "", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "},
		{"for a server without TLS", strings.Replace(open.URL, "http:", "https:", 1), empty, "[SSL: WRONG_VERSION_NUMBER] "},
	} {
		config := config(test.url)
		config.CABundle = test.bundle
		_, err := connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		failed, ok := errors.AsType[*client.TransportError](err)
		if want := "SSL validation failed for " + test.url + "/settings " + test.want; !ok || failed.Failure != client.Untrusted || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error = %v, want %s", test.name, err, want)
		}
	}
}

// A server that hangs up during the handshake is asked again. It has seen no request.
func TestCall_brokenHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var asked atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			io.ReadAtLeast(conn, make([]byte, 1<<12), 100) // a close with unread data is a reset
			conn.Close()
		}
	}()
	url := "https://" + l.Addr().String()
	config := config(url)
	config.MaxAttempts = 2
	_, err = connect(t, config).Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
	checkFailure(t, err, client.BrokenHandshake, "SSL validation failed for "+url+"/settings [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol", false)
	if got := asked.Load(); got != 2 {
		t.Errorf("got %d attempts, want 2", got)
	}
}

// Through a tunnel, the service must prove its name, not the proxy.
func TestCall_tunnel(t *testing.T) {
	root := issue(t, nil, authority("root"))
	for name, want := range map[string]bool{"chime.us-east-1.amazonaws.com": true, "proxy.example": false} {
		target := serveTLS(t, issue(t, root, func(c *x509.Certificate) { c.DNSNames = []string{name} }))
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			there, err := net.Dial("tcp", "127.0.0.1:"+target)
			if err != nil {
				t.Error(err)
				return
			}
			defer there.Close()
			here, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer here.Close()
			io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
			go io.Copy(there, here)
			io.Copy(here, there)
		}))
		config := config("https://chime.us-east-1.amazonaws.com")
		config.Proxy, config.CABundle = proxy.URL, bundle(t, root)
		c := connect(t, config)
		if _, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil); (err == nil) != want {
			t.Errorf("certificate for %s: error = %v, want success %v", name, err, want)
		}
		c.Close()
		proxy.Close()
	}
}

// The read timeout limits silence: the client waits for a slow server that goes on sending.
func TestCall_slowReply(t *testing.T) {
	for _, test := range []struct {
		pause time.Duration
		want  bool
	}{{50 * time.Second, true}, {61 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			config := config("http://slow.example")
			config.ReadTimeout, config.MaxAttempts = time.Minute, 1
			c := connect(t, config)
			var servers sync.WaitGroup
			defer servers.Wait()
			c.SetDial(func(context.Context) (net.Conn, error) {
				here, there := net.Pipe()
				servers.Go(func() {
					defer there.Close()
					there.Read(make([]byte, 4096))
					for _, part := range []string{"HTTP/1.1 200 OK\r\n", "Content-Length: 4\r\n\r\n", "{", " ", " ", "}"} {
						time.Sleep(test.pause) // in the time of the synctest bubble
						if _, err := io.WriteString(there, part); err != nil {
							return
						}
					}
				})
				return here, nil
			})
			began := time.Now()
			_, err := c.Call(t.Context(), operation(t, "GetGlobalSettings"), nil)
			c.Close()
			if (err == nil) != test.want {
				t.Errorf("pauses of %v: error = %v after %v, want success %v", test.pause, err, time.Since(began), test.want)
			}
			if !test.want {
				checkFailure(t, err, client.ReadTimeout, `Read timeout on endpoint URL: "http://slow.example/settings"`, true)
				if took := time.Since(began); took != time.Minute {
					t.Errorf("gave up after %v, want 1m0s", took)
				}
			}
		})
	}
}
