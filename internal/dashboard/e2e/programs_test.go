package e2e

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// interpreter says how a program in a language is run.
type interpreter struct {
	file string // name of the file that the program is written to
	run  []string
}

var interpreters = map[string]interpreter{
	"curl":       {"program.sh", []string{"bash"}},
	"go":         {"main.go", []string{"go", "run", "-ldflags=-s -w"}}, // what a debugger needs takes the linker half its time,
	"python":     {"program.py", []string{"python3", "-W", "ignore"}},
	"javascript": {"program.mjs", []string{"node"}},
}

// runProgram runs a program in a directory, with the server's credentials in
// its environment, and returns what it prints.
func runProgram(t *testing.T, s server, dir, language, program string, env ...string) string {
	t.Helper()
	i := interpreters[language]
	path, err := exec.LookPath(i.run[0])
	if err != nil {
		t.Errorf("this test runs programs in %s and needs %s: %v", language, i.run[0], err)
	}
	file := filepath.Join(t.TempDir(), i.file)
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, append(i.run[1:], file)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CLAWHQ_API_KEY="+s.key, "CLAWHQ_SESSION="+s.session)
	command.Env = append(command.Env, env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s\nprogram:\n%s", language, err, out, program)
	}
	return string(out)
}

// TestProductPageExamples runs the examples of the product's page on API
// access, unchanged but for the URL; the certificate is trusted by each
// language's own environment variable.
func TestProductPageExamples(t *testing.T) {
	s := startServer(t)
	connection, err := tls.Dial("tcp", strings.TrimPrefix(s.origin(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()
	certificate := filepath.Join(t.TempDir(), "server.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: connection.ConnectionState().PeerCertificates[0].Raw}
	if err := os.WriteFile(certificate, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	trust := map[string]string{"curl": "CURL_CA_BUNDLE", "python": "REQUESTS_CA_BUNDLE", "javascript": "NODE_EXTRA_CA_CERTS"}
	for language, program := range map[string]string{
		"curl": `curl -X POST https://app.clawhq.tech/api/v1/chat \
-H "Content-Type: application/json" \
-H "Authorization: Bearer $CLAWHQ_API_KEY" \
-d '{"message": "What are your business hours?", "agent": "support-bot"}'`,
		"python": `import os
import requests
API_KEY = os.environ["CLAWHQ_API_KEY"]
response = requests.post(
    "https://app.clawhq.tech/api/v1/chat",
    headers={
        "Content-Type": "application/json",
        "Authorization": f"Bearer {API_KEY}"
    },
    json={
        "message": "What are your business hours?",
        "agent": "support-bot"
    }
)
data = response.json()
print(data["response"])`,
		"javascript": `const CLAWHQ_API_KEY = process.env.CLAWHQ_API_KEY;
const response = await fetch("https://app.clawhq.tech/api/v1/chat", {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "Authorization": ` + "`Bearer ${CLAWHQ_API_KEY}`" + `
  },
  body: JSON.stringify({
    message: "What are your business hours?",
    agent: "support-bot"
  })
});
const data = await response.json();
console.log(data.response);`,
	} {
		program = strings.ReplaceAll(program, "https://app.clawhq.tech/api", s.base)
		out := runProgram(t, s, root, language, program, trust[language]+"="+certificate)
		if !strings.Contains(out, "Our support hours are Monday to Friday") {
			t.Errorf("%s: the reply is %s", language, out)
		}
	}
}
