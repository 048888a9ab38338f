package wire

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Loopback reports whether a host can only be this machine: localhost or a
// loopback address. Any other name may resolve to any address.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// PublicURL reports whether the service would send a webhook or the callback of a
// batch to a URL: it must be an http or https URL whose host is not a private or
// internal address. Host names are not resolved, so a name that leads to a
// private address passes.
func PublicURL(raw string) bool {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if ip, ok := parseIPv4(host); ok {
		return !privateIPv4(ip)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return !privateIPv6(ip.WithZone(""))
	}
	if host == "localhost" {
		return false
	}
	for _, suffix := range []string{".local", ".internal", ".localhost"} {
		if strings.HasSuffix(host, suffix) {
			return false
		}
	}
	return true
}

// SecureURL reports whether a URL is an https URL, as webhooks require.
func SecureURL(raw string) bool { return strings.HasPrefix(raw, "https://") }

// LoopbackURL reports whether the host of an http or https URL is this machine,
// also in the spellings of addresses that only browsers know.
func LoopbackURL(raw string) bool {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	ip, ok := parseIPv4(host)
	if !ok {
		ip, _ = netip.ParseAddr(host)
	}
	return host == "localhost" || ip.Unmap().IsLoopback()
}

func privateIPv4(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.As4()[0] == 0
}

// privateIPv6 has the same gaps as the service: it compares fe80: and fc00: as
// text, and lets IPv4-mapped addresses pass.
func privateIPv6(ip netip.Addr) bool {
	text := ip.String()
	return text == "::1" || text == "::" ||
		strings.HasPrefix(text, "fe80:") || strings.HasPrefix(text, "fc00:") || strings.HasPrefix(text, "fd")
}

// parseIPv4 reads an address as browsers do: one to four decimal, octal or
// hexadecimal numbers, the last of which fills the remaining bytes (WHATWG URL
// §3.5).
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var address uint64
	for i, part := range parts {
		n, err := parseIPv4Number(part)
		last := i == len(parts)-1
		limit := uint64(256)
		if last {
			limit = 1 << (8 * (5 - len(parts)))
		}
		if err != nil || n >= limit {
			return netip.Addr{}, false
		}
		if !last {
			n <<= 8 * (3 - i)
		}
		address += n
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
}

func parseIPv4Number(part string) (uint64, error) {
	switch {
	case part == "0x":
		return 0, nil
	case strings.HasPrefix(part, "0x"):
		return strconv.ParseUint(part[2:], 16, 64)
	case len(part) > 1 && part[0] == '0':
		return strconv.ParseUint(part[1:], 8, 64)
	}
	return strconv.ParseUint(part, 10, 64)
}
