//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
	"github.com/jackc/pgx/v5"
)

// The environment of a process that receives.
const (
	envDSN    = "RECEIVER_DSN"
	envSecret = "RECEIVER_SECRET"
	envKill   = "RECEIVER_KILL" // places where the process may kill itself
)

// The places where a process kills itself, or stops until it is continued.
const (
	afterInsert  = "insert" // the fingerprint is inserted, the work is not done
	beforeCommit = "work"   // the work is done, the transaction is not committed
	beforeDone   = "done"   // the transaction is committed, Seen is not told
	frozen       = "frozen" // like beforeCommit, but stopped
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(envDSN); dsn != "" {
		if err := receive(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// receive receives deliveries as the program does, until the test closes the
// standard input. It prints its address, and the place where it ends itself.
func receive(dsn string) error {
	db, err := Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	opts := webhook.Options{
		Secrets:   []string{os.Getenv(envSecret)},
		Tolerance: 10_000 * time.Hour, // the service's clock is advanced by the test
		Seen:      &dying{},
		Logger:    slog.New(slog.DiscardHandler),
	}
	go http.Serve(listener, NewReceiver(db, opts, func(ctx context.Context, tx pgx.Tx, ev *webhook.Event) error {
		die(afterInsert)
		err := Count(ctx, tx, ev)
		if strings.Contains(string(ev.Data), frozen) {
			die(frozen)
		}
		die(beforeCommit)
		return err
	}))
	fmt.Println(listener.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// dying is a Seen whose process may be killed before it is told that an event was
// handled.
type dying struct{ webhook.MemorySeen }

func (d *dying) Done(ctx context.Context, fingerprint string) error {
	die(beforeDone)
	return d.MemorySeen.Done(ctx, fingerprint)
}

// die ends the process, as kill -9 does, in one of 60 cases.
func die(place string) {
	if !strings.Contains(os.Getenv(envKill), place) {
		return
	}
	switch {
	case place == frozen:
		fmt.Println(place)
		syscall.Kill(os.Getpid(), syscall.SIGSTOP) // which does not stop all threads at once
		time.Sleep(2 * time.Second)
	case rand.IntN(60) == 0:
		fmt.Println(place)
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// A process is one that receives.
type process struct {
	cmd   *exec.Cmd
	addr  string
	alive io.Closer      // its standard input
	says  *bufio.Scanner // its standard output
}

func startProcess(t *testing.T, dsn, secret string, kill ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), envDSN+"="+dsn, envSecret+"="+secret, envKill+"="+strings.Join(kill, ","))
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.alive, p.says = in, bufio.NewScanner(out)
	if p.addr = p.line(); p.addr == "" {
		t.Fatal("the process has not started")
	}
	return p
}

// line returns the next line that the process prints, or nothing at its end.
func (p *process) line() string {
	p.says.Scan()
	return p.says.Text()
}

// end waits until the process has ended.
func (p *process) end() {
	p.alive.Close()
	p.cmd.Wait()
}
