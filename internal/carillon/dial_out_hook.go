package carillon

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/webhook"
)

// dialOutSecretFile holds, in the data directory, the secret that signs what the hook of dial-outs
// is told.
const dialOutSecretFile = "dial-out.secret"

// dialOutHookOptions say who is told of dial-outs.
type dialOutHookOptions struct {
	URL        string // empty: nobody is
	SecretFile string // empty: dialOutSecretFile in the data directory
}

// flags declares the options, which are those of a service.
func (o *dialOutHookOptions) flags(f *flags) {
	f.group("dial-outs")
	parsed(f, &o.URL, hookURL, "dial-out-hook URL", "", "URL that is told of each call that a meeting is asked to make: https, or http on this machine; "+
		"all services on one database need the same; without this flag, dial-outs are only recorded", variable)
	f.text(&o.SecretFile, "dial-out-secret-file FILE", "file with the secret that signs what the hook is told, made if it is missing "+
		"(default "+dialOutSecretFile+" in the data directory)", variable, files())
}

// hookURL reads the URL of a hook. In the clear it must not leave this machine: what the hook is
// told lets people into meetings.
func hookURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return "", errors.New("it is no URL such as https://gateway.example.com/calls, or http://127.0.0.1:8080/calls on this machine")
	}
	return text, nil
}

// hook returns the hook, nil if there is none. The caller closes its sender. data is the data
// directory, if there is one.
func (o *dialOutHookOptions) hook(data string, options webhook.Options, ended func(transactionID, status, reason string)) (*directory.DialOutHook, error) {
	if o.URL == "" {
		return nil, nil
	}
	file := o.SecretFile
	if file == "" {
		if data == "" {
			return nil, usagef("--dial-out-hook needs --dial-out-secret-file where there is no data directory")
		}
		file = filepath.Join(data, dialOutSecretFile)
	}
	secret, err := hookSecret(file)
	if err != nil {
		return nil, usagef("reading the secret of the hook of dial-outs: %w", err)
	}
	options.Allow = webhook.Everywhere // the operator has named it
	sender, err := webhook.New(options)
	if err != nil {
		return nil, err
	}
	return &directory.DialOutHook{URL: o.URL, Secret: secret, Sender: sender, Ended: ended}, nil
}

// hookSecret reads a secret from a file, which it makes if it is missing. A file that is there is
// only read: it may be where nothing can be written, or on a disk that is full.
func hookSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, 30) // which are 40 characters
		if _, err := rand.Read(random); err != nil {
			return "", err
		}
		made := []byte(base64.StdEncoding.EncodeToString(random) + "\n")
		if err := atomicfile.CreateMissing(file, made, 0o600); err != nil {
			return "", err
		}
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", err
	}
	const least = 16
	secret := strings.TrimSpace(string(text))
	if len(secret) < least || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s must have one line, of %d characters or more", file, least)
	}
	return secret, nil
}
