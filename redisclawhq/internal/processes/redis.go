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

// Redis is a redis-server process that listens on a socket in its own folder.
// Clients connect through a symbolic link to the socket. Promote moves the link to
// another server.
type Redis struct {
	*redis.Client // connected to this server, not through the link
	dir, link     string
	port          int
	settings      []string
	process       *exec.Cmd
}

// StartRedis starts a server that keeps its data in dir. If link is empty,
// StartRedis creates a link to the socket in dir; otherwise the link stays as it is
// until Promote. settings are further arguments of redis-server.
func StartRedis(dir, link string, settings ...string) (*Redis, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // finds a free port
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

// Socket returns the path by which clients connect.
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

// Addr returns the server's TCP address.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// Signal sends the server a signal.
func (r *Redis) Signal(s os.Signal) { r.process.Process.Signal(s) }

// Kill ends the server at once, as kill -9 does.
func (r *Redis) Kill() {
	r.process.Process.Kill()
	r.process.Wait()
}

// Shutdown lets the server save its data and end.
func (r *Redis) Shutdown(ctx context.Context) {
	r.ShutdownSave(ctx)
	r.process.Wait()
}

// Close ends the server and the connections to it.
func (r *Redis) Close() {
	r.Kill()
	r.Client.Close()
}

// Follow makes the server a replica of primary, and waits until it is in step.
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

// Promote ends the replication, and moves the link to this server.
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
