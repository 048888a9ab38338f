package recorded_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

func TestAll(t *testing.T) {
	t.Parallel()
	all := recorded.All()
	if len(all) < 300 {
		t.Errorf("%d recordings", len(all))
	}
	for _, e := range all {
		if e.Method == "" || !strings.HasPrefix(e.URL, "/") || e.Status < 200 {
			t.Errorf("%s: %s %s, status %d", e.Name, e.Method, e.URL, e.Status)
		}
		if body := e.Body(); strings.HasPrefix(string(body), `{"`) && !json.Valid(body) {
			t.Errorf("%s: the request's body is not JSON", e.Name)
		}
		if e.ReplyHeader.Get("Content-Type") == "application/json" && e.Method != "HEAD" && !json.Valid([]byte(e.Reply)) {
			t.Errorf("%s: the reply is not JSON: %s", e.Name, e.Reply)
		}
	}
}

// Bodies that were cut have their whole length again.
func TestLengths(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"chat_long_message": 10_095, "chat_huge_body": 110_094, "batch_over_rate_limit": 1_151, "batch_long_message": 10_050,
		"thread_create_metadata_4000": 4_015, "file_upload_10_mib": 10_485_885, "webhook_create_long_description": 586,
	} {
		if got := len(recorded.Get(name).Body()); got != want {
			t.Errorf("%s: %d bytes, want %d", name, got, want)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"file_upload_txt":      "Our office is open from nine to five.\n",
		"file_upload_png":      "\x89PNG\r\n\x1a\nrest",
		"file_upload_empty":    "",
		"file_upload_markdown": "# Title\n\nSome text that is long enough.\n",
	} {
		e := recorded.Get(name)
		_, params, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		form := multipart.NewReader(bytes.NewReader(e.Body()), params["boundary"])
		got := ""
		for {
			part, err := form.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			content, err := io.ReadAll(part)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if part.FormName() == "file" {
				got = string(content)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestGetPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	recorded.Get("nope")
}
