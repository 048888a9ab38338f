//go:build !race

// What these tests build is without the race detector, so they run once.

package main

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
)

// The commands of the Dockerfile, run in a shell: the program is linked statically,
// prints its version, serves, and is healthy as long as it serves.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "clawhq-server")
	here := func(command string) string {
		return strings.ReplaceAll(command, "/clawhq-server ./cmd", program+" ./cmd")
	}
	steps := regexp.MustCompile(`(?m)^RUN (.+)$`).FindAllStringSubmatch(string(text), -1)
	if len(steps) == 0 {
		t.Fatal("there are no steps")
	}
	for _, step := range steps {
		build := exec.Command("sh", "-ec", here(step[1]))
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step[1], err, out)
		}
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static")
		}
	}
	if out, err := exec.Command(program, "-version").Output(); err != nil || !strings.HasPrefix(string(out), "clawhq-server "+clawhq.Version+" go") {
		t.Errorf("-version: %s, %v", out, err)
	}

	arguments := func(instruction string) (list []string) {
		t.Helper()
		found := regexp.MustCompile(`(?m)^` + instruction + `.*?(\[.*\])$`).FindSubmatch(text)
		if found == nil || json.Unmarshal(found[1], &list) != nil {
			t.Fatalf("the Dockerfile has no %s with a list", instruction)
		}
		return list
	}
	if entry := arguments("ENTRYPOINT"); len(entry) != 1 || entry[0] != "/clawhq-server" {
		t.Errorf("ENTRYPOINT %v", entry)
	}
	serve := arguments("CMD")
	for i := range serve {
		serve[i] = strings.ReplaceAll(serve[i], ":8787", ":0")
	}
	p := spawn(t, exec.Command(program, serve...))
	port := p.BaseURL[strings.LastIndex(p.BaseURL, ":"):]
	check := arguments("HEALTHCHECK")[1:]
	for i := range check {
		check[i] = strings.ReplaceAll(check[i], ":8787", strings.TrimSuffix(port, "/api"))
	}
	if out, err := exec.Command(program, check...).CombinedOutput(); err != nil {
		t.Errorf("%v: %v, %s", check, err, out)
	}
	p.terminate()
	if out, err := exec.Command(program, check...).CombinedOutput(); err == nil {
		t.Errorf("%v after the end: %s", check, out)
	}
	if !regexp.MustCompile(`(?m)^USER [1-9]`).Match(text) {
		t.Error("the image runs as root")
	}
}

// The script of a release makes archives with the program, and refuses the tag of
// another version.
func TestRelease(t *testing.T) {
	t.Parallel()
	script := `../../.ci/release "$1" "$2" linux/$(go env GOARCH) && cd "$2" && sha256sum --quiet -c checksums.txt && tar -xzf *.tar.gz && */clawhq-server -version && ls */*`
	out, err := exec.Command("bash", "-ec", script, "bash", "v"+clawhq.Version, t.TempDir()).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "clawhq-server "+clawhq.Version+" go") || !strings.Contains(string(out), "/server.md\n") || !strings.Contains(string(out), "/LICENSE\n") {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, tag := range []string{"v" + clawhq.Version + "1", "v" + clawhq.Version[1:], ""} {
		out, err := exec.Command("../../.ci/release", tag, t.TempDir(), "linux/amd64").CombinedOutput()
		if err == nil || string(out) != "client.go has another version than "+tag+"\n" {
			t.Errorf("tag %q: %v, %s", tag, err, out)
		}
	}
}
