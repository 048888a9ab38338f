package examples_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// The quickstart talks over TLS to a server whose certificate is in a file. On Linux
// so does any Go program, without code of its own.
func TestQuickstartWithCertificate(t *testing.T) {
	t.Parallel()
	service := clawhqtest.NewTestServer(t)
	trusted, empty := filepath.Join(t.TempDir(), "server.pem"), filepath.Join(t.TempDir(), "empty.pem")
	for name, text := range map[string][]byte{
		trusted: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw}), empty: nil,
	} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{trusted: "404 agent_not_found", empty: "has no certificate in it", "no-such.pem": "no-such.pem"} {
		cmd := command(t, filepath.Join(bin, "quickstart"))
		cmd.Env = append(append(cmd.Env, account(service)...), "CLAWHQ_CA_FILE="+file)
		if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), want) || (err == nil) != (file == trusted) {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
	want := 3
	if runtime.GOOS == "linux" { // where any Go program takes its roots from a file
		want++
		cmd := command(t, filepath.Join(bin, "chat"), "hi")
		cmd.Env = append(append(cmd.Env, account(service)...), "SSL_CERT_FILE="+trusted)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("chat: %v\n%s", err, out)
		}
	}
	if got := len(service.Requests()); got != want {
		t.Errorf("made %d requests, want %d", got, want)
	}
}
