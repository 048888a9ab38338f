package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/memnet"
)

// pair returns both ends of a connection of a new listener.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l := memnet.Listen("there:443")
	accepted := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	client, err := l.Dial(t.Context(), "tcp", "there:443")
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() { client.Close(); server.Close(); l.Close() })
	return client, server
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write(%q) = %d, %v", s, n, err)
	}
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b, err, want)
	}
}

func TestConnCarriesBothWays(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	write(t, client, "ping")
	read(t, server, "ping")
	write(t, server, "pong")
	read(t, client, "pong")
	if n, err := client.Read(nil); n != 0 || err != nil {
		t.Errorf("empty Read = %d, %v", n, err)
	}
	for _, a := range []net.Addr{server.LocalAddr(), client.RemoteAddr()} {
		if a.Network() != "tcp" || a.String() != "there:443" {
			t.Errorf("address %s %s is not the one dialled", a.Network(), a)
		}
	}
	if client.LocalAddr() != server.RemoteAddr() {
		t.Errorf("the ends disagree: %s, %s", client.LocalAddr(), server.RemoteAddr())
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	type closer interface {
		CloseWrite() error
		SetLinger(int) error
	}
	for _, tc := range []struct {
		name                string
		close               func(net.Conn)
		peerRead, peerWrite error // nil = works
		ownRead, ownWrite   error
	}{
		{"close", func(c net.Conn) { c.Close() }, io.EOF, syscall.EPIPE, net.ErrClosed, net.ErrClosed},
		{"reset", func(c net.Conn) { c.(closer).SetLinger(0); c.Close() }, syscall.ECONNRESET, syscall.ECONNRESET, net.ErrClosed, net.ErrClosed},
		{"linger", func(c net.Conn) { c.(closer).SetLinger(1); c.Close() }, io.EOF, syscall.EPIPE, net.ErrClosed, net.ErrClosed},
		{"half", func(c net.Conn) { c.(closer).CloseWrite() }, io.EOF, nil, nil, net.ErrClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, server := pair(t)
			write(t, server, "last words")
			write(t, client, "unread")
			tc.close(server)
			read(t, client, "last words")
			b := make([]byte, 1)
			for _, op := range []struct {
				name string
				do   func([]byte) (int, error)
				want error
			}{
				{"peer read", client.Read, tc.peerRead},
				{"peer write", client.Write, tc.peerWrite},
				{"own read", server.Read, tc.ownRead},
				{"own write", server.Write, tc.ownWrite},
			} {
				if _, err := op.do(b); !errors.Is(err, op.want) {
					t.Errorf("%s: %v, want %v", op.name, err, op.want)
				}
			}
			if tc.peerRead == io.EOF {
				if _, err := client.Read(b); err != io.EOF {
					t.Errorf("end of file is wrapped: %v", err)
				}
			}
		})
	}
}

func TestWriteWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		sent := bytes.Repeat([]byte("0123456789"), 30_000)
		done := make(chan error, 1)
		go func() {
			_, err := client.Write(sent)
			client.Close()
			done <- err
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("a write of 300 kB did not wait for its reader")
		default:
		}
		got, err := io.ReadAll(server)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v; want the %d sent", len(got), err, len(sent))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	full := make([]byte, 1<<20)
	for _, tc := range []struct {
		name string
		set  func(net.Conn, time.Time) error
		do   func(net.Conn) (int, error)
	}{
		{"read", net.Conn.SetReadDeadline, func(c net.Conn) (int, error) { return c.Read(full) }},
		{"write", net.Conn.SetWriteDeadline, func(c net.Conn) (int, error) { return c.Write(full) }},
		{"both, read", net.Conn.SetDeadline, func(c net.Conn) (int, error) { return c.Read(full) }},
		{"both, write", net.Conn.SetDeadline, func(c net.Conn) (int, error) { return c.Write(full) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := pair(t)
				start := time.Now()
				tc.set(client, start.Add(time.Hour))
				tc.set(client, start.Add(time.Second))
				_, err := tc.do(client)
				var ne net.Error
				if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
					t.Errorf("error %v is no timeout", err)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("took %v, want 1s", d)
				}

				// A deadline in the past also ends a wait that has already begun.
				tc.set(client, time.Time{})
				go func() {
					time.Sleep(time.Second)
					tc.set(client, time.Unix(1, 0))
				}()
				if _, err := tc.do(client); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("deadline in the past: %v", err)
				}
			})
		})
	}
}

func TestCloseWakesTheWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		reads, writes := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			reads <- err
		}()
		go func() {
			_, err := client.Write(make([]byte, 1<<20))
			writes <- err
		}()
		synctest.Wait()
		server.Close()
		if err := <-reads; err != io.EOF {
			t.Errorf("read: %v", err)
		}
		if err := <-writes; !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write: %v", err)
		}
	})
}

func TestDialAndAcceptFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("there:443")
		if a := l.Addr(); a.String() != "there:443" {
			t.Errorf("Addr = %v", a)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 { // the context ends during the first call, and before the second
			if _, err := l.Dial(ctx, "tcp", "there:443"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("dial that nobody accepts: %v", err)
			}
		}

		dials := make(chan error, 1)
		go func() {
			_, err := l.Dial(t.Context(), "tcp", "there:443")
			dials <- err
		}()
		synctest.Wait()
		l.Close()
		l.Close()
		_, err := l.Dial(t.Context(), "tcp", "there:443")
		for _, err := range []error{<-dials, err} {
			var op *net.OpError
			if !errors.As(err, &op) || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("dial of a closed listener: %v", err)
			}
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept of a closed listener: %v", err)
		}
	})
}
