package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPages turns the pages of a list.
func TestPages(t *testing.T) {
	s := serve(t, nil)
	for range 5 {
		s.newID(t, "/v1/threads", `{}`)
	}
	b := openPlayground(t, s, "threads.list")
	b.fill("#parameter-limit", "2")
	b.send()
	b.wantText("#page-place", "1–2 of 5")
	b.until(`document.querySelector('#page-previous').disabled`)
	for _, step := range []struct{ button, place string }{
		{"#page-next", "3–4 of 5"}, {"#page-next", "5–5 of 5"}, {"#page-previous", "3–4 of 5"},
	} {
		b.click(step.button)
		b.wantText("#page-place", step.place)
	}
	b.wantText("#request-code", "limit=2&offset=2")
	b.click("#page-next")
	b.until(`document.querySelector('#page-next').disabled`)

	// The ids that came are offered where one is asked for.
	b.choose("#endpoint", "threads.get")
	var offered []string
	b.eval(`[...document.querySelector('#parameter-id').list.options].map((o) => o.value)`, &offered)
	if slices.Sort(offered); len(slices.Compact(offered)) != 5 {
		t.Errorf("the ids offered are %q, want those of the 5 threads", offered)
	}
	// Other endpoints' replies have no page.
	b.fill("#parameter-id", offered[0])
	b.send()
	b.until(`document.querySelector('#page-buttons').hidden`)
}

// TestUpload sends a file, and looks it up.
func TestUpload(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "files.upload")
	b.click("#send")
	b.wantText("#parameter-file-error", "Required.")
	file := filepath.Join(t.TempDir(), "hours.txt")
	if err := os.WriteFile(file, []byte("We are open from nine to five."), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run("choose a file", chromedp.SetUploadFiles("#parameter-file", []string{file}, chromedp.ByQuery))
	b.fill("#parameter-purpose", "knowledge_base")
	b.wantText("#request-code", "file: file hours.txt, 30 bytes")
	b.send()
	b.wantStatus("200 OK")
	var reply struct {
		FileID   string `json:"file_id"`
		Filename string
		Size     int
	}
	if err := json.Unmarshal([]byte(b.text("#response-body .rows")), &reply); err != nil || reply.Filename != "hours.txt" || reply.Size != 30 {
		t.Errorf("the reply is %+v, %v", reply, err)
	}
	b.choose("#endpoint", "files.get")
	b.fill("#parameter-id", reply.FileID)
	b.send()
	b.wantText("#response-body", "hours.txt")
}

// TestEveryEndpoint chooses each endpoint, with what its form holds by
// itself, and looks at what is shown of it.
func TestEveryEndpoint(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat")
	var ids []string
	b.eval(`[...document.querySelectorAll('#endpoint option:not([value=any])')].map((o) => o.value)`, &ids)
	for _, id := range ids {
		b.choose("#endpoint", id)
		line := b.text("#endpoint-line")
		code := b.text("#request-code")
		method, path, _ := strings.Cut(line, "/")
		first, _, _ := strings.Cut(path, "{")
		if !strings.HasPrefix(code, method+" "+s.origin()+"/"+first) {
			t.Errorf("%s: the form says %q, the request is:\n%s", id, line, code)
		}
		if strings.HasPrefix(first, "api/v1") != strings.Contains(code, "Bearer") {
			t.Errorf("%s: the credential is wrong:\n%s", id, code)
		}
	}
}
