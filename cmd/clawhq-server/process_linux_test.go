package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the directory of binary; empty if no test has asked for it.
var built string

// binary is the path of the program, built once for all tests.
var binary = sync.OnceValues(func() (name string, err error) {
	if built, err = os.MkdirTemp("", "clawhq-server-*"); err != nil {
		return "", err
	}
	name = filepath.Join(built, "clawhq-server")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

// process is the program in a process of its own. Nobody need read its output.
type process struct {
	*program
	about
	command *exec.Cmd
	ready   string // name of its ready file
	ended   chan struct{}
}

// command returns a command that runs the program with args, on a free port.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(name, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
}

// spawn starts a command and waits for its ready file. The process ends with the
// test.
func spawn(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	c.Args = append(c.Args, "-ready-file", ready)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{command: c, ready: ready, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		c.Wait()
	}()
	t.Cleanup(func() {
		c.Process.Kill()
		<-p.ended
	})
	for p.ControlURL == "" {
		select {
		case <-p.ended:
			t.Fatalf("the program ended: %v", c.ProcessState)
		case <-time.After(5 * time.Millisecond):
			p.about, _ = readReadyFile(ready)
		}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: false}
	t.Cleanup(transport.CloseIdleConnections)
	p.program = &program{
		t: t, base: p.BaseURL, key: p.APIKey, controlURL: p.ControlURL, token: p.ControlToken, client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
	return p
}

// terminate asks the program to end, and returns its exit status.
func (p *process) terminate() int {
	p.t.Helper()
	p.command.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.t.Error("the program does not end")
		p.command.Process.Kill()
		<-p.ended
	}
	return p.command.ProcessState.ExitCode()
}

// peakMB returns the most memory that the program has had, in MB.
func (p *process) peakMB() int {
	p.t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/status")
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "VmHWM:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				p.t.Fatal(err)
			}
			return kb >> 10
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}

// If nobody reads its output, the program still serves, and ends when it is asked to.
func TestOutputThatNobodyReads(t *testing.T) {
	t.Parallel()
	keys := []string{}
	for range 1000 { // more in the line of -json than a pipe holds
		keys = append(keys, `{"name": "one more"}`)
	}
	for _, log := range []string{"text", "json"} {
		t.Run(log, func(t *testing.T) {
			t.Parallel()
			c := command(t, "-json", "-log", log, "-config", configFile(t, `{"keys": [`+strings.Join(keys, ",")+`]}`))
			for _, output := range []*io.Writer{&c.Stdout, &c.Stderr} {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				defer w.Close()
				*output = w
			}
			p := spawn(t, c)
			for i := range 6000 {
				if response, body := p.call("GET", p.base+"/v1/health", "", ""); response.StatusCode != 401 {
					t.Fatalf("call %d: status %d, %s", i, response.StatusCode, body)
				}
			}
			if code := p.terminate(); code != 0 {
				t.Errorf("exit status %d", code)
			}
		})
	}
}

// The reader of the program's output may leave; the program goes on.
func TestOutputClosed(t *testing.T) {
	t.Parallel()
	c := command(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = w, w
	r.Close()
	p := spawn(t, c)
	w.Close()
	for range 3 {
		if response, body := p.call("GET", p.base+"/v1/health", "", ""); response.StatusCode != 401 {
			t.Fatalf("status %d, %s", response.StatusCode, body)
		}
	}
	if code := p.terminate(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// The program ends if it cannot write the line of -json, unless there is a ready
// file.
func TestFullDevice(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	c := command(t, "-json")
	var stderr bytes.Buffer
	c.Stdout, c.Stderr = full, &stderr
	if err := c.Run(); c.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "clawhq-server: -json: ") {
		t.Errorf("%v, stderr %s", err, &stderr)
	}
	c = command(t, "-json")
	c.Stdout = full
	p := spawn(t, c)
	p.do("GET", "/clock", "", nil)
}

// The program cleans up after each signal that asks it to end.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			continue // by nohup, and then by the program too
		}
		p := spawn(t, command(t))
		p.command.Process.Signal(sig)
		<-p.ended
		if code := p.command.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%v: exit status %d", sig, code)
		}
		if _, err := os.Stat(p.ready); !os.IsNotExist(err) {
			t.Errorf("%v: the ready file is left: %v", sig, err)
		}
	}
}
