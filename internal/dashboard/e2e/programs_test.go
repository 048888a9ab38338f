package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
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
	"go":         {}, // see goPrograms
	"python":     {"program.py", []string{"python3", "-W", "ignore"}},
	"javascript": {"program.mjs", []string{"node"}},
}

// runProgram runs a program in a directory, with the server's credentials in
// its environment, and returns what it prints.
func runProgram(t *testing.T, s server, dir, language, program string, env ...string) string {
	t.Helper()
	i := interpreters[language]
	file := filepath.Join(t.TempDir(), i.file)
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	return runCommand(t, s, dir, append(i.run, file), program, env...)
}

// runCommand runs a command, which is that of a program, in the same way.
func runCommand(t *testing.T, s server, dir string, words []string, program string, env ...string) string {
	t.Helper()
	path, err := exec.LookPath(words[0])
	if err != nil {
		t.Errorf("this test runs programs by %s: %v", words[0], err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, words[1:]...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CLAWHQ_API_KEY="+s.key, "CLAWHQ_SESSION="+s.session)
	command.Env = append(command.Env, env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\nprogram:\n%s", words[0], err, out, program)
	}
	return string(out)
}

// goPrograms are Go programs that are linked into one, which takes a fraction of the
// time: each becomes a package, whose Main is what was its main. They are in the SDK's
// module, and may use it.
type goPrograms []string

// build links the programs and returns the path of the one that they are then; its
// argument is the index of a program.
func (p goPrograms) build(t *testing.T) string {
	t.Helper()
	const folder = "internal/dashboard/e2e-programs" // that there is not
	dir := t.TempDir()
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]string{} // what the compiler takes for files of the module
	source := func(path, text string) {
		file := filepath.Join(dir, strings.ReplaceAll(path, "/", "-"))
		write(t, file, []byte(text))
		overlay[filepath.Join(module, folder, path)] = file
	}
	var imports, cases strings.Builder
	for i, text := range p {
		name := fmt.Sprintf("p%d", i)
		if !strings.HasPrefix(text, "package main\n") || strings.Count(text, "\nfunc main() {\n") != 1 {
			t.Fatalf("this is no program:\n%s", text)
		}
		text = strings.Replace(text, "package main", "package "+name, 1)
		source(name+"/program.go", strings.Replace(text, "\nfunc main() {", "\nfunc Main() {", 1))
		fmt.Fprintf(&imports, "\t%q\n", "github.com/clawhq/clawhq-go/"+folder+"/"+name)
		fmt.Fprintf(&cases, "\tcase \"%d\":\n\t\t%s.Main()\n", i, name)
	}
	source("main.go", "package main\n\nimport (\n\t\"os\"\n"+imports.String()+")\n\nfunc main() {\n\tswitch os.Args[1] {\n"+cases.String()+"\t}\n}\n")
	described, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), described)
	built := filepath.Join(dir, "programs")
	command := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", built, "./"+folder)
	command.Dir = module
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return built
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
