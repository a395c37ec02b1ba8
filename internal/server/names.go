package server

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// names are the hosts under which clients know the service. A signature covers the host and path
// that the client used; a proxy may have changed both since.
type names struct {
	public *url.URL // nil if there is none
	hosts  []string
}

// target is what a signature is held against.
type target struct{ host, path string }

// strip removes the path of the public URL from that of a request, if the proxy has not done so.
func (n names) strip(path string) string {
	if n.public == nil {
		return path
	}
	if rest, ok := strings.CutPrefix(path, n.public.EscapedPath()); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

// target returns the host and path that the signature of a request must be for. It reports false if
// the service does not go by the host of the request.
func (n names) target(r *http.Request) (target, bool) {
	received := target{r.Host, r.URL.EscapedPath()}
	for _, name := range n.hosts {
		if isHost(r.Host, name) {
			return received, true
		}
	}
	if n.public == nil {
		return received, len(n.hosts) == 0
	}
	t := target{n.public.Host, n.public.EscapedPath() + n.strip(received.path)}
	if strings.EqualFold(r.Host, t.host) {
		t.host = r.Host // in the client's spelling, which is what it has signed
	}
	return t, true
}

// isHost reports whether the Host of a request is a name, which is for any port if it has none.
func isHost(host, name string) bool {
	if strings.EqualFold(host, name) {
		return true
	}
	host, _, err := net.SplitHostPort(host)
	return err == nil && strings.EqualFold(host, strings.Trim(name, "[]"))
}

// rewritten looks for what the client signed instead of the target that its signature was held
// against: what arrived here, or what proxies say that they received.
func rewritten(r *http.Request, held target, verifies func(target) bool) (target, bool) {
	hosts, prefixes := []string{r.Host}, []string{""}
	if first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Host"), ","); first != "" {
		hosts = append(hosts, strings.TrimSpace(first))
	}
	if prefix := strings.TrimSuffix(r.Header.Get("X-Forwarded-Prefix"), "/"); prefix != "" {
		prefixes = append(prefixes, prefix)
	}
	for _, host := range hosts {
		for _, prefix := range prefixes {
			if t := (target{host, prefix + r.URL.EscapedPath()}); t != held && verifies(t) {
				return t, true
			}
		}
	}
	return target{}, false
}

// ParsePublicURL reads a URL for [Options].PublicURL: http or https, a host, and a path or none.
func ParsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	ports := map[string]string{"http": ":80", "https": ":443"}
	if err != nil || ports[u.Scheme] == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the URL must be of the form https://HOST or http://HOST, with a port and a path if need be")
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ports[u.Scheme]) // which clients do not sign
	u = u.JoinPath()
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

// ForThisMachine returns a handler that refuses requests unless their Host is one of this machine:
// localhost, a loopback address, or the address that the request came in on. It keeps out web pages
// in a local browser, whose own domain may resolve to this machine.
func ForThisMachine(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isThisMachine(r) {
			h.ServeHTTP(w, r)
			return
		}
		http.Error(w, "ask for this page by an address of this machine, such as 127.0.0.1", http.StatusForbidden)
	})
}

func isThisMachine(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip != nil && (ip.IsLoopback() || local != nil && local.IP.Equal(ip))
}
