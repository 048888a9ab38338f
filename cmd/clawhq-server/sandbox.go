package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/control"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// sandboxPath is the path before the id of a sandbox.
const sandboxPath = "/sandbox/"

// maxSandboxes bounds the number of sandboxes: each is guaranteed 1/200 of the
// program's memory.
const maxSandboxes = 200

// sandboxes are further servers behind the program's port. They implement
// control.Sandboxes.
type sandboxes struct {
	host   *host
	origin string // of the program, for other machines
	local  string // of control URLs

	mu     sync.Mutex
	byID   map[string]*sandbox
	closed bool
}

// A sandbox is one of these servers. It ends when it is deleted, or when it has had
// no request for the time of -sandbox-idle.
type sandbox struct {
	id       string
	about    *about
	api      *clawhqtest.Server
	controls *control.Control
	handler  http.Handler
	created  time.Time
	ctx      context.Context // done when the sandbox ends
	cancel   context.CancelFunc

	underWay int         // number of requests under way; guarded by sandboxes.mu, as is idle
	idle     *time.Timer // ends the sandbox
}

// created is the reply to the creation of a sandbox.
type created struct {
	ID string `json:"id"`
	*about
}

// Create makes a sandbox. Its state is d or, if d is nil, that with which the program
// started.
func (s *sandboxes) Create(d *control.Document) (any, error) {
	o := s.host.options
	start, configured := o.start, o.configuredKeys
	if d != nil {
		configured = len(d.Keys)
		start = control.Document{
			Keys: slices.Concat(d.Keys, o.flagged.Keys), Faults: slices.Concat(d.Faults, o.flagged.Faults),
			Agents: d.Agents, Models: d.Models, Files: d.Files, Conversations: d.Conversations, AuditEntries: d.AuditEntries, Offline: d.Offline,
		}
	}
	if s.full() {
		return nil, control.Unavailable(fmt.Errorf("there are %d sandboxes, which is the maximum: delete one", maxSandboxes))
	}
	api := clawhqtest.NewServer(s.host.serverOptions...)
	controls, err := control.New(control.Config{Server: api, RPM: o.rpm, Events: o.events(), Start: start, Budget: s.host.budget, AnyHost: o.controlFromAny})
	if err != nil {
		api.Close()
		return nil, err
	}
	o.configuredKeys = configured
	a := o.about(api, controls)
	box := &sandbox{id: strings.ToLower(rand.Text()), about: a, api: api, controls: controls, created: time.Now()}
	path := strings.TrimSuffix(sandboxPath, "/") + "/" + box.id
	a.BaseURL, a.ControlURL = s.origin+path+wire.BasePath, s.local+path+control.Path
	box.handler = http.StripPrefix(path, o.handler(api.Handler(), controls, dashboard.Guard(o.names(), apiOnly(api.Handler()))))
	box.ctx, box.cancel = context.WithCancel(context.Background())

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.byID) >= maxSandboxes {
		go box.close()
		return nil, control.Unavailable(fmt.Errorf("there are %d sandboxes, which is the maximum: delete one", maxSandboxes))
	}
	s.byID[box.id] = box
	box.idle = time.AfterFunc(o.sandboxIdle, func() { s.expire(box) })
	return created{box.id, a}, nil
}

func (s *sandboxes) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID) >= maxSandboxes
}

// apiOnly serves the paths of the API, and answers 404 to all others.
func apiOnly(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, wire.BasePath+"/") {
			notFound(w, fmt.Sprintf("a sandbox has no %s: there are %s, %s and /ready", r.URL.Path, wire.BasePath, control.Path))
			return
		}
		api.ServeHTTP(w, r)
	})
}

// listed is a sandbox in a list. It has no secrets.
type listed struct {
	ID         string    `json:"id"`
	BaseURL    string    `json:"base_url"`
	ControlURL string    `json:"control_url"`
	CreatedAt  time.Time `json:"created_at"`
	UnderWay   int       `json:"under_way"` // number of requests under way
}

// List returns all sandboxes, oldest first.
func (s *sandboxes) List() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []listed{}
	for _, box := range s.byID {
		list = append(list, listed{box.id, box.about.BaseURL, box.about.ControlURL, box.created.UTC(), box.underWay})
	}
	slices.SortFunc(list, func(a, b listed) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return map[string][]listed{"sandboxes": list}
}

// Delete ends a sandbox. It reports whether there was one with that id.
func (s *sandboxes) Delete(id string) bool {
	s.mu.Lock()
	box, ok := s.byID[id]
	delete(s.byID, id)
	s.mu.Unlock()
	if ok {
		within(shutdownTimeout, box.close)
	}
	return ok
}

// expire ends a sandbox, unless a request is under way.
func (s *sandboxes) expire(box *sandbox) {
	s.mu.Lock()
	ends := box.underWay == 0 && s.byID[box.id] == box
	if ends {
		delete(s.byID, box.id)
	}
	s.mu.Unlock()
	if ends {
		box.close()
	}
}

func (box *sandbox) close() {
	if box.idle != nil {
		box.idle.Stop()
	}
	box.controls.Close()
	box.api.Close() // answers what is under way, which it would not do if the client seemed to be gone
	box.cancel()
}

// close ends all sandboxes.
func (s *sandboxes) close() {
	s.mu.Lock()
	s.closed = true
	all := s.byID
	s.byID = map[string]*sandbox{}
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, box := range all {
		closing.Go(box.close)
	}
	closing.Wait()
}

// ServeHTTP passes a request on to its sandbox.
func (s *sandboxes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, sandboxPath), "/")
	s.mu.Lock()
	box := s.byID[id]
	if box != nil {
		box.underWay++
		box.idle.Stop()
	}
	s.mu.Unlock()
	if box == nil {
		notFound(w, fmt.Sprintf("there is no sandbox %q: it was deleted, or was idle for %v", id, s.host.options.sandboxIdle))
		return
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if box.underWay--; box.underWay == 0 {
			box.idle.Reset(s.host.options.sandboxIdle)
		}
	}()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(box.ctx, cancel)()
	box.handler.ServeHTTP(w, r.WithContext(ctx))
}

// notFound answers 404 with an error message.
func notFound(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	w.WriteHeader(http.StatusNotFound)
	json.NewEncoder(w).Encode(wire.FlatError{Error: text}) // fails only if the client has left
}
