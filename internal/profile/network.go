package profile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/sts"
)

// The services of AWS that are asked for credentials. None of them is a service of the program.
var (
	tokenService = target{prefix: "sts", setting: "sts"}
	ssoPortal    = target{prefix: "portal.sso", setting: "sso"}
	ssoTokens    = target{prefix: "oidc", setting: "sso_oidc"}
)

// askFor returns a client of a service that is asked for credentials, in a region, which may not be
// set. As in version 1, the options of the command for endpoint and certificates are not for it.
func (s *Settings) askFor(ctx context.Context, service target, region Value, keys *Credentials) (*client.Client, error) {
	own := *s
	own.flags.EndpointURL, own.flags.CABundle = nil, nil
	if err := checkRegion(region.Text); err != nil {
		return nil, err
	}
	c := Connection{Region: region}
	if err := own.reach(ctx, &c, service); err != nil {
		return nil, err
	}
	if c.Endpoint.Source.Type == "" {
		if err := own.correct(&c.Endpoint, service); err != nil {
			return nil, err
		}
	} else if keys != nil && !region.IsSet() {
		return nil, ErrNoRegion
	}
	if err := c.CheckCABundle(); err != nil {
		return nil, err
	}
	config := client.Config{
		Endpoint: c.Endpoint.URL, Region: c.Endpoint.SigningRegion, SigningName: service.prefix,
		UserAgent: s.UserAgent, Proxy: client.ProxyFromEnvironment(s.env.Lookup, c.Endpoint.URL), CABundle: c.CABundle.Text,
		ReadTimeout: s.ReadTimeout, ConnectTimeout: s.ConnectTimeout,
		Retry: client.RetryMode(c.Retry.Mode), MaxAttempts: c.Retry.MaxAttempts,
		MaxReply: sts.MaxReply, Now: s.Now, Sleep: s.Sleep,
	}
	if keys != nil {
		config.Credentials = keys.forClient()
	}
	return client.New(config)
}

// correct changes the default endpoint of a service that is asked for credentials where it is none
// that [defaultEndpoint] knows: in the government's partition all hosts are FIPS, and the token
// service has a host for the world.
func (s *Settings) correct(e *Endpoint, service target) error {
	region := e.SigningRegion
	p := partitionOf(region)
	plain := "https://" + service.prefix + "." + region + "." + p.suffix
	if p.name == "aws-us-gov" && e.URL == strings.Replace(plain, service.prefix, service.prefix+"-fips", 1) {
		e.URL = plain
	}
	if service.setting != tokenService.setting || e.URL != plain {
		return nil
	}
	mode, err := s.tokenEndpoints()
	if err == nil && (region == awsGlobal || mode == "legacy" && slices.Contains(worldly, region)) {
		e.URL, e.SigningRegion = "https://sts.amazonaws.com", "us-east-1"
	}
	return err
}

// tokenEndpoints says which endpoints of the token service are wanted: "legacy", "regional", or ""
// if nothing is set. Version 1 checks that whatever service it calls.
func (s *Settings) tokenEndpoints() (string, error) {
	mode, err := s.resolve(nil, "", "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints")
	if err == nil && mode.Text != "" && mode.Text != "legacy" && mode.Text != "regional" {
		err = errorf(`STS regional endpoints option %s is invalid. Valid options are: "legacy", "regional"`, mode.Text)
	}
	return mode.Text, err
}

// worldly are the regions that had no token service of their own in the beginning.
var worldly = []string{
	"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// askNear returns a client of something on this machine or in its network that has credentials. It
// does not retry.
func (s *Settings) askNear(endpoint, proxy string, timeout time.Duration) (*client.Client, error) {
	return client.New(client.Config{
		Endpoint: endpoint, UserAgent: s.UserAgent, Proxy: proxy, ReadTimeout: timeout, ConnectTimeout: timeout,
		MaxAttempts: 1, MaxReply: sts.MaxReply, Now: s.Now,
	})
}
