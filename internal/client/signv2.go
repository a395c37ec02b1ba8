package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// signV2 signs a form by Signature Version 2, as a few old services want it: the signature is a
// field like the others, and covers them all, the host and the path. It returns the whole form.
func signV2(r *request, form string, creds *Credentials, now time.Time) ([]byte, error) {
	fields := strings.Split(form, "&")
	for _, f := range [...][2]string{
		{"AWSAccessKeyId", creds.AccessKey}, {"SignatureVersion", "2"}, {"SignatureMethod", "HmacSHA256"},
		{"Timestamp", now.UTC().Format("2006-01-02T15:04:05Z")}, {"SecurityToken", creds.SessionToken},
	} {
		if f[1] == "" {
			continue
		}
		value, err := encode(f[1], "")
		if err != nil {
			return nil, err
		}
		fields = append(fields, f[0]+"="+value)
	}
	signed := make([]string, len(fields))
	for i, f := range fields {
		signed[i] = strings.ReplaceAll(f, "+", "%20") // a form has pluses for blanks
	}
	slices.Sort(signed)
	path := r.url.EscapedPath()
	if path == "" {
		path = "/"
	}
	mac := hmac.New(sha256.New, []byte(creds.SecretKey))
	mac.Write([]byte(r.op.Method + "\n" + r.host + "\n" + path + "\n" + strings.Join(signed, "&")))
	signature, err := encode(base64.StdEncoding.EncodeToString(mac.Sum(nil)), "")
	if err != nil {
		return nil, err
	}
	return []byte(strings.Join(append(fields, "Signature="+signature), "&")), nil
}
