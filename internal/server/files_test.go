package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// form returns the form of an upload. Each part is a header, a blank line and a
// content.
func form(parts ...string) request {
	body := ""
	for _, part := range parts {
		body += "--B\r\n" + strings.ReplaceAll(part, "\n", "\r\n") + "\r\n"
	}
	return request{path: "/api/v1/files", header: map[string]string{"Content-Type": "multipart/form-data; boundary=B"}, body: body + "--B--\r\n"}
}

// filePart returns the part with the file.
func filePart(name, mediaType, content string) string {
	return `Content-Disposition: form-data; name="file"; filename="` + name + "\"\nContent-Type: " + mediaType + "\n\n" + content
}

func purposePart(purpose string) string {
	return "Content-Disposition: form-data; name=\"purpose\"\n\n" + purpose
}

func TestLiveUploads(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		r      request
		status int
		want   wire.File
	}{
		{"two of each", form(purposePart("a"), filePart("1.txt", "text/plain", "x"), purposePart("b"), filePart("2.txt", "text/csv", "yy")), 200,
			wire.File{Filename: "1.txt", Size: 1, MIMEType: "text/plain", Purpose: "a", Status: "processing"}},
		{"type in upper case", form(filePart("1.txt", "Text/PLAIN", "x")), 200,
			wire.File{Filename: "1.txt", Size: 1, MIMEType: "text/plain", Purpose: "knowledge_base", Status: "processing"}},
		{"binary", form(filePart("1.gif", "image/gif", "GIF89a")), 200,
			wire.File{Filename: "1.gif", Size: 6, MIMEType: "image/gif", Purpose: "knowledge_base", Status: "error"}},
		{"binary of another purpose", form(filePart("1.gif", "image/gif", "GIF89a"), purposePart("vision")), 200,
			wire.File{Filename: "1.gif", Size: 6, MIMEType: "image/gif", Purpose: "vision", Status: "processing"}},
		{"all characters that the store takes", form(filePart("a!/-.*'() &$@=;:+,?_9.txt", "text/plain", "x")), 200,
			wire.File{Filename: "a!/-.*'() &$@=;:+,?_9.txt", Size: 1, MIMEType: "text/plain", Purpose: "knowledge_base", Status: "processing"}},
		{"percent sign", form(filePart("a%.txt", "text/plain", "x")), 500, wire.File{}},
		{"hash", form(filePart("a#.txt", "text/plain", "x")), 500, wire.File{}},
		{"accent", form(filePart("é.txt", "text/plain", "x")), 500, wire.File{}},
		{"parameters", form(filePart("1.txt", "text/plain; charset=utf-8", "x")), 400, wire.File{}},
	} {
		s := newService(t, Config{Profile: Live})
		w := s.send(tc.r)
		if w.Code != tc.status {
			t.Errorf("%s: status %d: %s", tc.name, w.Code, w.Body)
			continue
		}
		if w.Code == 200 {
			got := decode[wire.File](t, w.Body)
			got.FileID, got.CreatedAt = "", ""
			if got != tc.want {
				t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
			}
		}
	}
}

// The status of a text depends on its length; and what lists show as its type.
func TestLiveFiles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, content, mimeType, status string }{
		{"a.TXT", "ten chars.", "txt", "error"},
		{"a.b.txt", "ten chars. ", "txt", "processed"},
		{"README", strings.Repeat("é", 10), "readme", "error"},
		{"a.", strings.Repeat("é", 11), "", "processed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Profile: Live})
			id := decode[wire.File](t, s.send(form(filePart(tc.name, "text/plain", tc.content))).Body).FileID
			time.Sleep(time.Minute)
			if got := get[wire.File](t, s, "/v1/files/"+id); got.MIMEType != tc.mimeType || got.Status != tc.status {
				t.Errorf("%s: type %q, status %s; want %q and %s", tc.name, got.MIMEType, got.Status, tc.mimeType, tc.status)
			}
		})
	}
}
