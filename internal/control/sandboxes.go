package control

import (
	"bytes"
	"fmt"
	"net/http"
)

// Sandboxes are further servers of the program.
type Sandboxes interface {
	// Create makes a sandbox that starts with a document or, if that is nil, as the
	// program has started. It returns what is to be known of it.
	Create(start *Document) (any, error)

	// List returns what may be told of all sandboxes.
	List() any

	// Delete ends a sandbox, and reports whether there was one with that id.
	Delete(id string) bool
}

func (c *Control) listSandboxes(*http.Request) (any, error) { return c.config.Sandboxes.List(), nil }

// createSandbox takes a document, or nothing.
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
