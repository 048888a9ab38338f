package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// TestFirstMinute pastes what the page gives, in each language, into a shell in a folder
// that has the certificate: the request is made, and appears.
func TestFirstMinute(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.run("be a phone", emulation.SetDeviceMetricsOverride(390, 800, 2, true))
	b.open(s.dashboard)
	b.wantText("#first-url", s.base)
	dir := t.TempDir()
	download(t, b.attribute("#first-certificate-link", "href"), filepath.Join(dir, "clawhq-server.pem"))
	for button, want := range map[string]string{"#first-url-copy": s.base, "#first-key-copy": s.key} {
		b.click(button)
		b.wantText(button, "Copied")
		if got := b.clipboard(); got != want {
			t.Errorf("%s copies %q, want %q", button, got, want)
		}
	}
	if shown := b.text("#first"); strings.Contains(shown, s.key) {
		t.Error("the key is shown before anyone asks for it")
	}
	b.click("#first-reveal")
	b.wantText("#first-key", s.key)
	b.wantText("#first-code", s.key)
	if links := b.attribute("#first-docs a", "href"); !strings.HasPrefix(links, "https://github.com/clawhq/clawhq-go/") {
		t.Errorf("the docs are at %s", links)
	}

	programs := map[string]string{}
	for _, language := range []string{"curl", "go", "python", "javascript"} {
		b.click("#first-languages input[value=" + language + "]")
		b.click("#first-copy")
		b.wantText("#first-copy", "Copied")
		programs[language] = b.clipboard()
	}
	var pasted sync.WaitGroup
	for language, program := range programs {
		pasted.Go(func() {
			shell := exec.CommandContext(t.Context(), "bash")
			shell.Dir = dir
			shell.Stdin = strings.NewReader(program + "\n")
			if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), "Our support hours are Monday to Friday") {
				t.Errorf("%s: %v\n%s\nof\n%s", language, err, out, program)
			}
		})
	}
	pasted.Wait()
	b.wantText("#journal-count", "4 requests")
	b.until(`!document.querySelector('#first').checkVisibility()`)

	// It is there again for who asks, and sends one itself, which opens.
	b.click("#first-open")
	b.until(`document.activeElement.id === 'first-title'`)
	b.click("#first-send")
	b.wantText("#journal-count", "5 requests")
	b.wantText("#detail-response", "Our support hours")
	b.wantText("#detail-facts", "default")
}

// attribute returns an attribute of an element.
func (b *tab) attribute(selector, name string) (value string) {
	b.t.Helper()
	b.eval(`document.querySelector('`+selector+`').`+name, &value)
	return value
}

func (b *tab) clipboard() (text string) {
	b.t.Helper()
	b.eval(`navigator.clipboard.readText()`, &text)
	return text
}

// download gets a file as a client does that trusts nobody yet.
func download(t *testing.T, url, file string) {
	t.Helper()
	response, err := untrusting.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTierTexts reads what the product's page says of the tiers where one is chosen.
func TestTierTexts(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.openKeys()
	b.click("#create-open")
	b.wantText("#create-tier-meaning", "Standard production usage (default for the /v1/chat endpoint).")
	b.choose("#create-tier", "300")
	b.wantText("#create-tier-meaning", "Maximum throughput for high-volume integrations.")
	b.wantText("#create-tier", "30 RPM: Suitable for development and testing")
	b.click("#create-dialog [data-close]")
	b.click(`nav a[href="#playground"]`)
	b.choose("#endpoint", "keys.create")
	b.wantText("#parameter-rate_limit_per_min", "120: High-throughput applications")
}
