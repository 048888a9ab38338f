package control

import (
	"bytes"
	"fmt"
	"net/http"
)

// Sandboxes are further servers of the same program.
type Sandboxes interface {
	// Create makes a sandbox. start is its state; if it is nil, the sandbox starts as
	// the program did. Create returns the reply: what its user must know.
	Create(start *Document) (any, error)

	// List returns the reply that lists all sandboxes.
	List() any

	// Delete ends a sandbox. It reports whether there was one with that id.
	Delete(id string) bool
}

func (c *Control) listSandboxes(*http.Request) (any, error) { return c.config.Sandboxes.List(), nil }

// createSandbox creates a sandbox. The body is a document, or empty.
func (c *Control) createSandbox(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var start *Document
	if len(bytes.TrimSpace(body)) > 0 {
		start = &Document{}
		if err := decode(body, start); err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
	}
	reply, err := c.config.Sandboxes.Create(start)
	return made{reply}, err
}

func (c *Control) deleteSandbox(r *http.Request) (any, error) {
	if !c.config.Sandboxes.Delete(r.PathValue("id")) {
		return nil, failure{http.StatusNotFound, fmt.Errorf("there is no sandbox %q", r.PathValue("id"))}
	}
	return struct{}{}, nil
}
