package processes

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server process of its own, on a socket in a folder of its
// own. Clients connect by a link to the socket, which can be moved to another
// server.
type Redis struct {
	*redis.Client // for what is done to it
	dir, link     string
	port          int
	settings      []string
	process       *exec.Cmd
}

// StartRedis starts a server that keeps its data in dir, and points link at its
// socket; an empty link is a name in dir. Further settings are those of the
// command line.
func StartRedis(dir, link string, settings ...string) (*Redis, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a port that is free
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	r := &Redis{dir: dir, link: link, port: port, settings: settings}
	if link == "" {
		r.link = filepath.Join(dir, "link")
		if err := os.Symlink(r.socket(), r.link); err != nil {
			return nil, err
		}
	}
	r.Client = redis.NewClient(&redis.Options{Network: "unix", Addr: r.socket()})
	return r, r.Start()
}

func (r *Redis) socket() string { return filepath.Join(r.dir, "redis.sock") }

// Socket is where clients find the server.
func (r *Redis) Socket() string { return r.link }

// Start starts the server again, with the data it has saved.
func (r *Redis) Start() error {
	r.process = exec.Command("redis-server", append([]string{"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1",
		"--unixsocket", r.socket(), "--dir", r.dir, "--save", "", "--appendonly", "no", "--daemonize", "no"}, r.settings...)...)
	r.process.SysProcAttr = tied()
	if err := r.process.Start(); err != nil {
		return fmt.Errorf("redis-server is needed (apt-get install redis-server): %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for r.Ping(ctx).Err() != nil {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			r.Kill()
			return fmt.Errorf("redis-server did not start: %w", ctx.Err())
		}
	}
	return nil
}

// Addr is the server's address.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// Signal sends the server a signal.
func (r *Redis) Signal(s os.Signal) { r.process.Process.Signal(s) }

// Kill ends the server at once, as kill -9 does.
func (r *Redis) Kill() {
	r.process.Process.Kill()
	r.process.Wait()
}

// Shutdown ends the server in an orderly way, and has it save its data.
func (r *Redis) Shutdown(ctx context.Context) {
	r.ShutdownSave(ctx)
	r.process.Wait()
}

// Close ends the server and the connections to it.
func (r *Redis) Close() {
	r.Kill()
	r.Client.Close()
}

// Follow makes the server a replica of another one, whose clients it will get.
func (r *Redis) Follow(ctx context.Context, primary *Redis) error {
	if err := r.ReplicaOf(ctx, "127.0.0.1", strconv.Itoa(primary.port)).Err(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if role, _ := r.Do(ctx, "ROLE").Slice(); len(role) > 3 && role[3] == "connected" {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return ctx.Err()
}

// Promote makes a replica the server that clients find.
func (r *Redis) Promote(ctx context.Context) error {
	if err := r.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		return err
	}
	moved := r.link + ".new"
	if err := os.Symlink(r.socket(), moved); err != nil {
		return err
	}
	return os.Rename(moved, r.link)
}
