package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The program does not replace a file that it has not written. It refuses before it
// listens.
func TestReadyFileOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const ours = `{"control_url": "https://127.0.0.1:1/control"}`
	for name, write := range map[string]func(name string) error{
		"a text":    func(name string) error { return os.WriteFile(name, []byte("a text"), 0o644) },
		"JSON":      func(name string) error { return os.WriteFile(name, []byte(`{"url": "x"}`), 0o644) },
		"empty":     func(name string) error { return os.WriteFile(name, nil, 0o644) },
		"directory": func(name string) error { return os.Mkdir(name, 0o755) },
		"link": func(name string) error {
			if runtime.GOOS == "windows" {
				return os.Mkdir(name, 0o755) // there, links require a privilege
			}
			if err := os.WriteFile(name+".target", []byte(ours), 0o644); err != nil {
				return err
			}
			return os.Symlink(name+".target", name)
		},
	} {
		file := filepath.Join(dir, name)
		if err := write(file); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr buffer
		code := run(t.Context(), []string{"-addr", taken.Addr().String(), "-ready-file", file}, &stdout, &stderr)
		if code != 1 || !strings.HasPrefix(stderr.String(), "clawhq-server: -ready-file "+file+": ") {
			t.Errorf("%s: exit status %d, stderr %s", name, code, &stderr)
		}
		if _, err := os.Lstat(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If two programs have the same file, it is that of the one that started last.
func TestReadyFileShared(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ready.json")
	token := func() string {
		a, err := readReadyFile(file)
		if err != nil {
			return ""
		}
		return a.ControlToken
	}
	first := start(t, "-ready-file", file)
	if token() != first.token {
		t.Fatalf("the token is %q, want that of the first", token())
	}

	var stdout, stderr buffer
	code := run(t.Context(), []string{"-addr", strings.TrimSuffix(strings.TrimPrefix(first.controlURL, "https://"), "/control"), "-ready-file", file}, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "cannot listen on ") || token() != first.token {
		t.Errorf("a second program: exit status %d, %s; the token is %q, want %q", code, &stderr, token(), first.token)
	}

	second := start(t, "-ready-file", file)
	if token() != second.token {
		t.Errorf("the token is %q, want that of the second", token())
	}
	first.stop()
	first.exited <- <-first.exited
	if token() != second.token {
		t.Errorf("the token is %q after the first has ended, want that of the second", token())
	}
	second.stop()
	second.exited <- <-second.exited
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
}
