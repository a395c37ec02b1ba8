package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

var errPrivate = errors.New("the address is private")

// guard keeps connections out of private networks.
type guard struct {
	allow []netip.Prefix
}

// control is called with each address that is about to be dialed, after names were looked up.
func (g guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w, or none: %w", errPrivate, err)
	}
	addr := to.Addr().Unmap()
	if isPublic(addr) || slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr.WithZone("")) }) {
		return nil
	}
	return errPrivate
}

// isPublic reports whether anybody can call an address, so that it makes no difference that the
// service does. An IPv6 address that leads to one of IPv4 is what that is.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	bytes := addr.As16()
	switch {
	case addr.Is4():
		return !isSpecial(addr)
	case nat64.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(bytes[12:16])))
	case sixToFour.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(bytes[2:6])))
	}
	return globalIPv6.Contains(addr) && !isSpecial(addr)
}

func isSpecial(addr netip.Addr) bool {
	return slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(addr) })
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the IPv4 address is at the end
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056: it comes next
	globalIPv6 = netip.MustParsePrefix("2000::/3")     // the only addresses that are given out to the public
)

// special are networks that are not for the public: the registries of IANA for special purposes,
// and multicast. Of IPv6 there are those within globalIPv6.
var special = func() (all []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8",       // this network, unspecified
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared by the customers of a provider
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, and the metadata of clouds
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // relays of 6to4
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"2001::/23",       // protocol assignments, Teredo among them, which hides an IPv4 address
		"2001:db8::/32",   // documentation
		"3fff::/20",       // documentation
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()
