package clawhq

import (
	"strings"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// The checks that several endpoints share. The functions named check… return the
// reason why the service would refuse a value, or nil.

// checkMessage returns the reason why the service would refuse a message to an
// agent. As the service does, it counts characters in UTF-16 units, and takes U+FEFF
// for a blank and U+0085 for none.
func checkMessage(message string) *InvalidRequestError {
	switch {
	case wire.Blank(message):
		return invalid(CodeMissingParameter, "message", "message is required")
	case !utf8.ValidString(message):
		return invalid(CodeInvalidParameter, "message", "message is not valid UTF-8")
	case len(message) <= wire.MaxMessageChars: // a character takes a byte at least
		return nil
	}
	if n := wire.UTF16Len(message); n > wire.MaxMessageChars {
		return invalid(CodeInvalidRequest, "message", "message has %d characters, at most %d are allowed", n, wire.MaxMessageChars)
	}
	return nil
}

// checkText refuses a text that JSON cannot carry unchanged.
func checkText(field, text string) *InvalidRequestError {
	if !utf8.ValidString(text) {
		return invalid(CodeInvalidParameter, field, "%s is not valid UTF-8", field)
	}
	return nil
}

// checkID refuses an id that would make the path of another endpoint.
func checkID(id string) *InvalidRequestError {
	if strings.TrimSpace(id) == "" || id == "." || id == ".." {
		return invalid(CodeInvalidParameter, "id", "%q is not an id", id)
	}
	return nil
}

// checkTarget refuses a URL that the service would not send anything to. A URL
// on this machine is allowed if the client's server is local as well, as the
// reference server is. (The domain test is reserved for tests: RFC 6761 §6.2.)
func (c *core) checkTarget(field, url string) *InvalidRequestError {
	host := c.base.Hostname()
	local := wire.Loopback(host) || strings.HasSuffix(host, ".test")
	if wire.PublicURL(url) || local && wire.LoopbackURL(url) {
		return nil
	}
	return invalid(CodeInvalidParameter, field, "%s is not an http or https URL of a public host", field)
}

// headerSafe reports whether s can be the value of a header (RFC 9110 §5.5):
// no control characters, and nothing outside ASCII.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// token reports whether s can name a header or a cookie (RFC 9110 §5.6.2).
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	}) < 0
}

// digits reports whether s is one or more ASCII digits.
func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
