package control

import (
	"fmt"
	"maps"
	"sync"
)

// What agents may take of a program's memory: all together, and those of one server in
// any case.
const (
	maxAgentBytes = 16 << 20
	ownAgentBytes = 64 << 10
)

// A Budget bounds the memory that the agents of several servers take. The zero value is
// that of a program.
type Budget struct {
	mu   sync.Mutex
	used int
}

// change replaces what a server's agents take, and returns an error if that is too much.
func (b *Budget) change(before, after int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if used := b.used - before + after; after > before && after > ownAgentBytes && used > maxAgentBytes {
		return fmt.Errorf("agents: with these, all agents would take %d bytes: there may be %d", used, maxAgentBytes)
	}
	b.used += after - before
	return nil
}

// overhead is about what a text takes besides its bytes.
const overhead = 64

// size is about how many bytes an agent takes.
func (a Agent) size() int {
	n := 2*overhead + len(a.Slug)
	for _, r := range a.Replies {
		n += 2*overhead + len(r.Text) + len(r.Error)
		for _, chunk := range r.Chunks {
			n += overhead + len(chunk)
		}
	}
	return n
}

// dropAgents returns to the built-in agents. Call it with c.mu held.
func (c *Control) dropAgents() {
	c.server.ResetAgents()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}

// countAgents returns the sizes of the server's agents together with more, or an error
// if they are too large. Call it with c.mu held.
func (c *Control) countAgents(more []Agent) (map[string]int, error) {
	agents := maps.Clone(c.agents)
	if agents == nil {
		agents = map[string]int{}
	}
	for _, a := range more {
		agents[a.Slug] = a.size()
	}
	return agents, c.config.Budget.change(sum(c.agents), sum(agents))
}

func sum(sizes map[string]int) (n int) {
	for _, size := range sizes {
		n += size
	}
	return n
}

// Close gives back what the server's agents take of the Budget.
func (c *Control) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}
