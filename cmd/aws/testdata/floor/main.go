// Floor makes one BatchUpdateUser by hand, with nothing but net/http and the Go SDK's signer:
// what a call costs before any command line is around it. It is what the aws command is
// measured against.
//
//	floor URL ACCOUNT USER LICENSE
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func main() {
	if err := call(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func call(url, account, user, license string) error {
	body := `{"UpdateUserRequestItems": [{"UserId": "` + user + `", "LicenseType": "` + license + `"}]}`
	req, err := http.NewRequest("POST", url+"/accounts/"+account+"/users", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	keys := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	if err := signer.NewSigner().SignHTTP(context.Background(), keys, req, hash, "chime", "us-east-1", time.Now()); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(os.Stdout, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	return nil
}
