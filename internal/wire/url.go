package wire

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Loopback reports whether a host is this machine whatever the resolver says:
// localhost or a loopback address.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// PublicURL reports whether the service would send a webhook, or the callback of a
// batch, to a URL. By the rules of browsers (WHATWG URL §4.4), it must be an http or
// https URL whose host is not a private or internal address. Names are not resolved,
// so a name for a private address passes. Like the service, PublicURL takes every
// host that begins with "fd" for a private IPv6 address.
func PublicURL(raw string) bool {
	host, ok := urlHost(raw)
	if !ok || host == "localhost" {
		return false
	}
	for _, start := range []string{"fd", "fe80:", "fc00:"} {
		if strings.HasPrefix(host, start) {
			return false
		}
	}
	for _, suffix := range []string{".local", ".internal", ".localhost"} {
		if strings.HasSuffix(host, suffix) {
			return false
		}
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return true
	case ip.Is4():
		return !(ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.As4()[0] == 0)
	}
	return host != "::1" && host != "::" // IPv4-mapped addresses pass
}

// SecureURL reports whether a URL is an https URL, as webhooks require.
func SecureURL(raw string) bool { return strings.HasPrefix(raw, "https://") }

// LoopbackURL reports whether the host of an http or https URL is this machine, even
// in the spellings of addresses that only browsers accept.
func LoopbackURL(raw string) bool {
	host, ok := urlHost(raw)
	return ok && Loopback(host)
}

// urlHost returns the host of an http or https URL in the form of browsers, and an
// IPv6 address without brackets. ok is false if browsers would refuse the URL.
func urlHost(raw string) (host string, ok bool) {
	raw = strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
	scheme, rest, found := strings.Cut(raw, ":")
	if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	rest = strings.TrimLeft(rest, `/\`)
	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		rest = rest[:end]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:] // drop the user name
	if address, after, bracketed := strings.Cut(rest, "]"); bracketed && strings.HasPrefix(rest, "[") {
		ip, err := netip.ParseAddr(address[1:])
		return ip.String(), err == nil && ip.Is6() && ip.Zone() == "" && validPort(after)
	}
	port := ""
	if colon := strings.IndexByte(rest, ':'); colon >= 0 {
		rest, port = rest[:colon], rest[colon:]
	}
	if !validPort(port) {
		return "", false
	}
	return domain(rest)
}

// validPort reports whether the text after a host is empty or a valid port.
func validPort(text string) bool {
	digits, colon := strings.CutPrefix(text, ":")
	n, err := strconv.ParseUint("0"+digits, 10, 64)
	return text == "" || colon && err == nil && n <= 65535
}

// domain returns a host name in the form of browsers (WHATWG URL §3.5), except that
// it does not encode characters beyond ASCII.
func domain(text string) (host string, ok bool) {
	text, err := url.PathUnescape(text)
	if err != nil {
		return "", false
	}
	text = strings.ToLower(strings.Map(asciiForm, text))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7F || strings.ContainsRune(`#/:<>?@[\]^|%`, r) }) {
		return "", false
	}
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	last := labels[len(labels)-1]
	if _, err := parseIPv4Number(last); err != nil && (last == "" || strings.Trim(last, "0123456789") != "") {
		return text, true
	}
	ip, ok := parseIPv4(labels)
	return ip.String(), ok
}

// asciiForm returns the ASCII form of a letter, digit or dot in a host name (UTS
// #46), such as that of a full-width letter. It returns -1 for a character that is
// ignored.
func asciiForm(r rune) rune {
	switch {
	case r == 0xAD || r == 0x200B || r == 0x2060 || r == 0x2064 || r == 0xFEFF || 0xFE00 <= r && r <= 0xFE0F:
		return -1
	case r == 0x3002 || r == 0xFF61:
		return '.'
	case 0xFF01 <= r && r <= 0xFF5E: // full-width
		return r - 0xFF01 + '!'
	case r == 0x17F:
		return 's'
	case r == 0x212A:
		return 'k'
	case 0x1D400 <= r && r <= 0x1D6A3: // mathematical letters
		return 'a' + (r-0x1D400)%26
	}
	for _, run := range []struct{ first, last, zero rune }{
		{0xB2, 0xB3, 0xB0}, {0xB9, 0xB9, 0xB8}, {0x2070, 0x2079, 0x2070}, {0x2080, 0x2089, 0x2080}, // superscript and subscript
		{0x2460, 0x2468, 0x245F}, {0x24EA, 0x24EA, 0x24EA}, // circled
		{0x1D7CE, 0x1D7FF, 0x1D7CE}, {0x1FBF0, 0x1FBF9, 0x1FBF0},
	} {
		if run.first <= r && r <= run.last {
			return '0' + (r-run.zero)%10
		}
	}
	for _, first := range []rune{0x24B6, 0x24D0, 0x1F130} { // circled and squared letters
		if first <= r && r < first+26 {
			return 'a' + r - first
		}
	}
	return r
}

// parseIPv4 parses an IPv4 address as browsers do (WHATWG URL §3.5): one to four
// decimal, octal or hexadecimal numbers. The last number fills the remaining bytes.
func parseIPv4(parts []string) (netip.Addr, bool) {
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
