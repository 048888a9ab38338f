package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		url              string
		public, loopback bool
	}{
		{"https://hooks.example.com/ok", true, false},
		{"http://example.com", true, false},
		{"https://8.8.8.8", true, false},
		{"https://100.64.0.1/", true, false},
		{"https://[::ffff:127.0.0.1]/", true, true},
		{"https://[2001:db8::1]/", true, false},
		{"https://172.32.0.1", true, false},
		{"https://1.2.3.4.5", false, false},
		{"https://256.1.1.1", false, false},
		{"https://a.08", false, false},
		{"https://fdic.gov/h", false, false},
		{"https://FD", false, false},
		{"https://hooks.example.com:65535", true, false},
		{"https://hooks.example.com:00000080", true, false},
		{"https://hooks.example.com:", true, false},
		{"https://hooks.example.com:65536", false, false},
		{"https://hooks.example.com:8a", false, false},
		{"https://１２７.0.0.1", false, true},
		{"https://127。0。0。1", false, true},
		{"https://①⓪.0.0.1", false, false},
		{"https://𝟏𝟎.0.0.1", false, false},
		{"https://1%302.0.0.1", true, false},

		{"https://127.0.0.1.", false, true},
		{"https://%6cocalhost", false, true},
		{"https://localhost.", true, false},
		{"https://u:p@127.0.0.1", false, true},
		{"https:\\\\127.0.0.1\\x", false, true},
		{"https://a\n.local", false, false},
		{"https://a<b.com", false, false},
		{"https://a%zz", false, false},
		{"https://[::1]x", false, false},
		{"https://[fe80::1%25eth0]", false, false},
		{"https://bücher.example", true, false},
		{"https://localhost.example.com", true, false},
		{"ftp://example.com", false, false},
		{"ftp://localhost", false, false},
		{"example.com", false, false},
		{"https://", false, false},
		{"https://exa mple.com", false, false},
		{"", false, false},
		{"https://localhost", false, true},
		{"https://LOCALHOST:8080/x", false, true},
		{"https://a.localhost", false, false},
		{"https://printer.local", false, false},
		{"https://db.internal", false, false},
		{"https://127.0.0.1", false, true},
		{"https://127.1", false, true},
		{"https://2130706433", false, true},
		{"https://0x7f000001", false, true},
		{"https://0x7f.0.0.1", false, true},
		{"https://0177.0.0.1", false, true},
		{"https://0.0.0.0", false, false},
		{"https://0x", false, false},
		{"https://10.1.2.3", false, false},
		{"https://172.16.0.1", false, false},
		{"https://172.31.255.255", false, false},
		{"https://192.168.1.1", false, false},
		{"https://169.254.169.254", false, false},
		{"https://[::1]", false, true},
		{"https://[::]", false, false},
		{"https://[fe80::1]", false, false},
		{"https://[fc00::1]", false, false},
		{"https://[fd12::1]", false, false},
	} {
		if got := wire.PublicURL(tc.url); got != tc.public {
			t.Errorf("%s: public %v, want %v", tc.url, got, tc.public)
		}
		if got := wire.LoopbackURL(tc.url); got != tc.loopback {
			t.Errorf("%s: loopback %v, want %v", tc.url, got, tc.loopback)
		}
	}
}

func TestFileTypes(t *testing.T) {
	t.Parallel()
	heads := map[string]string{
		"application/pdf": "%PDF-1.7", "image/png": "\x89PNG\r\n\x1a\n", "image/jpeg": "\xff\xd8\xff\xe0",
		"image/gif": "GIF89a", "image/webp": "RIFF\x00\x00\x00\x00WEBP",
	}
	for _, ft := range wire.FileTypes {
		if got, ok := wire.FileTypeOf(ft.MediaType); !ok || got.MediaType != ft.MediaType {
			t.Errorf("%s: found %q", ft.MediaType, got.MediaType)
		}
		for _, ext := range ft.Extensions {
			if got, ok := wire.FileTypeByName("a.b" + strings.ToUpper(ext)); !ok || got.MediaType != ft.MediaType {
				t.Errorf("%s: found %q, want %s", ext, got.MediaType, ft.MediaType)
			}
		}
		for mediaType, head := range heads {
			if got, want := ft.Matches([]byte(head)), ft.Text || mediaType == ft.MediaType; got != want {
				t.Errorf("%s that begins as %s: matches %v, want %v", ft.MediaType, mediaType, got, want)
			}
		}
	}
	if webp, _ := wire.FileTypeOf("image/webp"); webp.Matches([]byte("RIFF\x00\x00\x00\x00WAVE")) || webp.Matches([]byte("RIFF")) {
		t.Error("a WAVE file is taken for WebP")
	}
	for _, name := range []string{"a", "a.exe", ".hidden/a", ""} {
		if got, ok := wire.FileTypeByName(name); ok {
			t.Errorf("%q is %s", name, got.MediaType)
		}
	}
	if _, ok := wire.FileTypeOf("text/plain; charset=utf-8"); ok {
		t.Error("a media type with parameters is known")
	}
}

func TestDetectFileType(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{"%PDF-1.7": "application/pdf", "GIF89a": "image/gif", "hello": "text/plain", "": "text/plain", "\x00\x01\x02": ""} {
		if got, ok := wire.DetectFileType([]byte(head)); got.MediaType != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", head, got.MediaType, ok, want)
		}
	}
	if got := wire.SupportedFileTypes(); !strings.HasPrefix(got, "application/pdf, text/plain, ") || !strings.HasSuffix(got, "image/webp") {
		t.Errorf("supported: %s", got)
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		wire.MessageTooManyBatches: true, fmt.Sprintf(wire.MessageBatchOverTier, 31, 30): true, "Rate limit exceeded. Try again later.": false,
	} {
		if got := wire.IsBatchLimit(message); got != want {
			t.Errorf("%s: %v, want %v", message, got, want)
		}
	}
}

func TestUTF16Len(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "😀": 2, "\xff": 1} {
		if got := wire.UTF16Len(s); got != want {
			t.Errorf("%q: %d units, want %d", s, got, want)
		}
	}
}
