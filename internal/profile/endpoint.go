package profile

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Endpoint is where requests go, and the region that they are signed for.
type Endpoint struct {
	URL           string // with a scheme; may have a path and a query; no final slash unless configured
	SigningRegion string
	SigningName   string              // empty for that of the service
	Header        map[string][]string // headers that the endpoint asks for
	Source        Source              // of the URL; zero for the default endpoint
}

// target is what settings must know of a service to find its endpoint.
type target struct {
	prefix  string // first label of its host names
	setting string // its name in settings
	global  string // the region of a global service, "" for a service with an endpoint in each
	rules   string // of its endpoints, "" for none

	told map[string]any // parameters of the rules: those that the settings know by the name that all services have
}

func targetOf(service *model.Service) target {
	return target{prefix: service.EndpointPrefix, setting: service.SettingName(), global: service.GlobalRegion, rules: service.Rules}
}

// awsGlobal is the region of a user who has chosen none.
const awsGlobal = "aws-global"

// defaultEndpoint returns the endpoint of a service in a region, which may be aws-global. Names
// that belong to no partition count as aws.
func defaultEndpoint(service target, region string, fips, dualStack bool) Endpoint {
	p := partitionOf(region)
	global := service.global
	if p.name == "" && global != "" && !fips && !dualStack {
		return Endpoint{URL: "https://" + service.prefix + "." + global + "." + p.suffix, SigningRegion: global}
	}
	for _, g := range globalHosts {
		if g.prefix == service.prefix && g.partition == p.name && global == "" && !fips && !dualStack {
			return Endpoint{URL: "https://" + g.host, SigningRegion: g.region}
		}
	}
	e := Endpoint{SigningRegion: region}
	// A global service signs for its one region, even in other partitions where the region is
	// the name of the whole partition.
	if global != "" && (p.name == "" || region == p.global) {
		e.SigningRegion = global
	}
	suffix := p.suffix
	if dualStack {
		suffix = p.dualStack
		if global != "" && region != p.global && p.dualSigning == signsGlobal {
			e.SigningRegion = global
		}
	}
	host := service.prefix
	if fips {
		host += "-fips"
	}
	e.URL = "https://" + host + "." + region + "." + suffix
	return e
}

// checkVariants reports a region of a partition where version 1 knows no dual stack.
func checkVariants(region string, fips, dualStack bool) error {
	p := partitionOf(region)
	if !dualStack || p.dualSigning != signsNothing || region == p.global {
		return nil
	}
	variants := "'dualstack'"
	if fips {
		variants = "'dualstack', 'fips'"
	}
	return errorf("Unable to construct a modeled endpoint with the following variant(s) [%s]: ", variants)
}

// globalHosts are the endpoints of those services that have one in all of a partition (aws has no
// name here), whose names follow no pattern. They are for models without endpoint rules.
var globalHosts = [...]struct{ partition, prefix, host, region string }{
	{"", "account", "account.us-east-1.amazonaws.com", "us-east-1"},
	{"", "budgets", "budgets.amazonaws.com", "us-east-1"},
	{"", "ce", "ce.us-east-1.amazonaws.com", "us-east-1"},
	{"", "cloudfront", "cloudfront.amazonaws.com", "us-east-1"},
	{"", "health", "global.health.amazonaws.com", "us-east-1"},
	{"", "iam", "iam.amazonaws.com", "us-east-1"},
	{"", "networkmanager", "networkmanager.us-west-2.amazonaws.com", "us-west-2"},
	{"", "organizations", "organizations.us-east-1.amazonaws.com", "us-east-1"},
	{"", "route53", "route53.amazonaws.com", "us-east-1"},
	{"", "savingsplans", "savingsplans.amazonaws.com", "us-east-1"},
	{"", "shield", "shield.us-east-1.amazonaws.com", "us-east-1"},
	{"", "waf", "waf.amazonaws.com", "us-east-1"},
	{"aws-cn", "iam", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
	{"aws-cn", "route53", "route53.amazonaws.com.cn", "cn-northwest-1"},
	{"aws-us-gov", "iam", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
	{"aws-us-gov", "route53", "route53.us-gov.amazonaws.com", "us-gov-west-1"},
}

// partition is a separate part of the cloud with domains of its own. Its regions have the form
// PREFIX-WORD-DIGITS or are its global name.
type partition struct {
	name, prefix, global string
	implicit             string // the region that rules take for the whole partition
	suffix, dualStack    string // domains
	dualSigning          dualSigning
}

// dualSigning is the region that version 1 signs a dual-stack request for. Its tables are uneven
// there.
type dualSigning int

const (
	signsRegion  dualSigning = iota // the region itself
	signsGlobal                     // that of a global service, and else the region itself
	signsNothing                    // none: a request to any service is refused
)

var partitions = [...]partition{
	{
		name: "aws-cn", prefix: "cn-", global: "aws-cn-global", implicit: "cn-northwest-1",
		suffix: "amazonaws.com.cn", dualStack: "api.amazonwebservices.com.cn", dualSigning: signsRegion,
	},
	{
		name: "aws-us-gov", prefix: "us-gov-", global: "aws-us-gov-global", implicit: "us-gov-west-1",
		suffix: "amazonaws.com", dualStack: "api.aws", dualSigning: signsRegion,
	},
	{
		name: "aws-iso", prefix: "us-iso-", global: "aws-iso-global", implicit: "us-iso-east-1",
		suffix: "c2s.ic.gov", dualStack: "api.aws.ic.gov", dualSigning: signsGlobal,
	},
	{
		name: "aws-iso-b", prefix: "us-isob-", global: "aws-iso-b-global", implicit: "us-isob-east-1",
		suffix: "sc2s.sgov.gov", dualStack: "api.aws.scloud", dualSigning: signsGlobal,
	},
	{
		name: "aws-iso-e", prefix: "eu-isoe-", global: "aws-iso-e-global", implicit: "eu-isoe-west-1",
		suffix: "cloud.adc-e.uk", dualStack: "api.cloud-aws.adc-e.uk", dualSigning: signsNothing,
	},
	{
		name: "aws-iso-f", prefix: "us-isof-", global: "aws-iso-f-global", implicit: "us-isof-south-1",
		suffix: "csp.hci.ic.gov", dualStack: "api.aws.hci.ic.gov", dualSigning: signsNothing,
	},
	// This one has no global name.
	{
		name: "aws-eusc", prefix: "eusc-de-", implicit: "eusc-de-east-1",
		suffix: "amazonaws.eu", dualStack: "api.amazonwebservices.eu", dualSigning: signsRegion,
	},
}

// partitionOf returns the partition of a region; aws has no name.
func partitionOf(region string) partition {
	for _, p := range partitions {
		if rest, ok := strings.CutPrefix(region, p.prefix); ok {
			word, number, ok := strings.Cut(rest, "-")
			if ok && word != "" && number != "" && strings.Trim(number, "0123456789") == "" {
				return p
			}
		}
		if p.global != "" && region == p.global {
			return p
		}
	}
	return partition{implicit: "us-east-1", suffix: "amazonaws.com", dualStack: "api.aws"}
}

// checkRegion reports a name that cannot be part of a host name. The empty name is valid.
func checkRegion(region string) error {
	label := region == "" || isLabel(region)
	if !label || region != "" && strings.Trim(region, "0123456789") == "" {
		return errorf("Provided region_name '%s' doesn't match a supported format.", region)
	}
	return nil
}

// isLabel reports whether s can be one part of a host name.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if s[i] != '-' && !isAlnum(s[i]) {
			return false
		}
	}
	return true
}

func withoutFIPS(region string) string {
	return strings.ReplaceAll(strings.ReplaceAll(region, "fips-", ""), "-fips", "")
}

// endpoint returns where requests to a service in a region go. If a URL is configured, requests
// are signed for the region as given, known or not, and FIPS and dual stack do not matter.
func (s *Settings) endpoint(service target, region Value) (Endpoint, error) {
	url, err := s.endpointURL(service)
	if err != nil {
		return Endpoint{}, err
	}
	if url.IsSet() {
		// Python's parser of URLs ignores blanks in front.
		return Endpoint{URL: strings.TrimLeft(url.Text, " "), SigningRegion: withoutFIPS(region.Text), Source: url.Source}, nil
	}
	fips, err := s.resolve(nil, "", "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
	if err != nil {
		return Endpoint{}, err
	}
	dualStack, err := s.resolve(nil, "", "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
	if err != nil {
		return Endpoint{}, err
	}
	name, withFIPS, withDualStack := region.Text, isTrue(fips.Text), isTrue(dualStack.Text)
	if !region.IsSet() {
		name = awsGlobal
	}
	if err := checkRegion(name); err != nil {
		return Endpoint{}, err
	}
	if bare := withoutFIPS(name); bare != name { // the name asks for FIPS by itself
		name, withFIPS = bare, true
	}
	if err := checkVariants(name, withFIPS, withDualStack); err != nil {
		return Endpoint{}, err
	}
	if service.rules != "" && (region.IsSet() || slices.Contains(regionless, service.prefix)) {
		return service.ruledEndpoint(name, withFIPS, withDualStack)
	}
	e := defaultEndpoint(service, name, withFIPS, withDualStack)
	if name == "" && service.global == "" {
		err = checkURL(e.URL) // a part of the host is empty
	}
	return e, err
}

// ruledEndpoint returns the endpoint of a service in a region as its rules say.
func (t target) ruledEndpoint(region string, fips, dualStack bool) (Endpoint, error) {
	e, err := ruled(t.rules, region, fips, dualStack, t.told)
	switch {
	case err == nil && region == "":
		err = checkURL(e.URL)
	case e.SigningRegion == awsGlobal && slices.Contains(regionless, t.prefix):
		e.SigningRegion = "us-east-1"
	}
	return e, err
}

// regionless are the services, by the prefixes of their hosts, that need no region: they have an
// endpoint for all of partition aws.
var regionless = []string{
	"account", "billingconductor", "budgets", "ce", "cloudfront", "codecatalyst", "health", "iam", "importexport",
	"networkmanager", "notifications-contacts", "organizations", "route53", "savingsplans", "shield", "sts", "support", "tax", "waf",
}

// EndpointVariable returns the name of the variable with the URL of a service:
// "AWS_ENDPOINT_URL_CHIME".
func EndpointVariable(service *model.Service) string {
	return targetOf(service).variable()
}

func (t target) variable() string { return endpointVariable + "_" + strings.ToUpper(t.setting) }

// endpointVariable is the variable with the URL of all services that have none of their own.
const endpointVariable = "AWS_ENDPOINT_URL"

// EndpointURL returns the configured URL of a service, which is not set if its default endpoint is
// meant. Settings that say nothing about that are not looked at.
func (s *Settings) EndpointURL(service *model.Service) (Value, error) {
	if err := s.Check(); err != nil {
		return Value{}, err
	}
	return s.endpointURL(targetOf(service))
}

// endpointURL returns the configured URL of a service: --endpoint-url, the variable of the
// service, AWS_ENDPOINT_URL, the profile's `services` section, the profile's `endpoint_url`. It
// skips empty ones. A name in `services` without a section is an error, unless a place before it
// has a URL.
func (s *Settings) endpointURL(service target) (Value, error) {
	if s.flags.EndpointURL != nil {
		return Value{*s.flags.EndpointURL, Source{"manual", "--endpoint-url"}}, nil
	}
	ignore, err := s.resolve(nil, "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
	if err != nil || isTrue(ignore.Text) {
		return Value{}, err
	}
	for _, name := range []string{service.variable(), endpointVariable} {
		if v := s.fromEnv(name); v.Text != "" {
			return v, nil
		}
	}
	if v, err := s.servicesURL(service.setting); err != nil || v.Text != "" {
		return v, err
	}
	v, err := s.Setting("endpoint_url")
	if v.Text == "" {
		return Value{}, err
	}
	return v, err
}

// servicesURL looks for the URL of a service in the section that the profile names:
//
//	[services NAME]
//	chime =
//	  endpoint_url = URL
func (s *Settings) servicesURL(service string) (Value, error) {
	services, err := s.Setting("services")
	if err != nil || !services.IsSet() {
		return Value{}, err
	}
	config, _, err := s.files()
	if err != nil {
		return Value{}, err
	}
	section := config.named("services", services.Text)
	if section == nil {
		return Value{}, errorf("The profile is configured to use the services section but the \"%s\" services configuration does not exist.", services.Text)
	}
	block := section.option(service)
	if block == nil {
		return Value{}, nil
	}
	if block.Nested == nil {
		return Value{}, errorf("%s in %s must be a block of settings, such as an indented line endpoint_url = URL", service, location(config, section))
	}
	if p := block.pair("endpoint_url"); p != nil {
		return Value{p.Value, Source{"config-file", location(config, section)}}, nil
	}
	return Value{}, nil
}

// CheckEndpointFlag reports a value of --endpoint-url that has no scheme. Version 1 does this
// before anything else; [Settings.Connect] checks the rest of the URL.
func CheckEndpointFlag(url string) error {
	scheme, _, ok := strings.Cut(strings.TrimLeft(url, " "), ":")
	valid := ok && scheme != "" && (scheme[0] < '0' || scheme[0] > '9')
	for i := 0; valid && i < len(scheme); i++ {
		valid = isAlnum(scheme[i]) || i > 0 && strings.IndexByte("+-.", scheme[i]) >= 0
	}
	if !valid {
		return errorf(`Bad value for --endpoint-url "%s": scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/`, url)
	}
	return nil
}

// checkURL reports a URL without a usable host name or port.
func checkURL(url string) error {
	invalid := errorf("Invalid endpoint: %s", url)
	scheme, rest, ok := strings.Cut(url, "//")
	if ok && scheme != "" {
		scheme, ok = strings.CutSuffix(scheme, ":")
		ok = ok && scheme != ""
	}
	if !ok || strings.ContainsAny(url, "\t\r\n") {
		return invalid
	}
	host := rest
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	var port string
	if inner, ok := strings.CutPrefix(host, "["); ok {
		address, after, closed := strings.Cut(inner, "]")
		if !closed {
			return Error("Invalid IPv6 URL")
		}
		ip, err := netip.ParseAddr(address)
		if err != nil || !ip.Is6() || after != "" && after[0] != ':' {
			return invalid
		}
		port = strings.TrimPrefix(after, ":")
	} else {
		host, port, _ = strings.Cut(host, ":")
		if host == "" || len(host) > 255 {
			return invalid
		}
		for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
			if !isLabel(label) {
				return invalid
			}
		}
	}
	if strings.Trim(port, "0123456789") != "" {
		return errorf("Port could not be cast to integer value as %s", python.Repr(port))
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n > 65535) {
		return Error("Port out of range 0-65535")
	}
	return nil
}
