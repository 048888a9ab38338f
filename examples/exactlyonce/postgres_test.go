//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startPostgres starts a PostgreSQL server with a database of its own in a
// temporary folder, and returns how to connect to it. The server ends with the
// test, also if that is killed.
func startPostgres(t *testing.T) (dsn string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") // short, as the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // as whom the server does not run
		as.Credential = postgresUser(t)
		if err := os.Chown(dir, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(postgresProgram(t, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}

	// The shell ends the server when the test closes the pipe, or is gone.
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command("sh", "-c", `"$@" & cat; kill -QUIT $!; wait`, "sh",
		postgresProgram(t, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=60")
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = as, dir, log, log
	alive, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		alive.Close()
		server.Wait()
		log.Close()
	})
	dsn = fmt.Sprintf("host=%s user=postgres dbname=postgres", dir)
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), dsn)
		if err == nil {
			conn.Close(context.Background())
			return dsn
		}
		if time.Since(start) > time.Minute {
			log.Seek(0, io.SeekStart)
			text, _ := io.ReadAll(log)
			t.Fatalf("the server does not start: %v\n%s", err, text)
		}
	}
}

// postgresProgram finds a program of PostgreSQL, which Debian does not put on the
// PATH.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Fatalf("%s is needed (apt-get install postgresql)", name)
	}
	return slices.Max(found)
}

func postgresUser(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
