package control

import (
	"fmt"
	"maps"
	"sync"
)

// Bounds on the memory of agents: of all servers together, and the part that each
// server may use in any case.
const (
	maxAgentBytes = 16 << 20
	ownAgentBytes = 64 << 10
)

// A Budget bounds the memory of the agents of several servers. The zero value is
// ready for use.
type Budget struct {
	mu   sync.Mutex
	used int
}

// change changes a server's part of the memory from before to after. It returns an
// error if that is too much.
func (b *Budget) change(before, after int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if used := b.used - before + after; after > before && after > ownAgentBytes && used > maxAgentBytes {
		return fmt.Errorf("agents: with these, all agents would take %d bytes: the maximum is %d", used, maxAgentBytes)
	}
	b.used += after - before
	return nil
}

// overhead is roughly the memory that a string takes besides its bytes.
const overhead = 64

// size is roughly the memory that an agent takes.
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

// dropAgents removes all agents but the built-in ones. Call it with c.mu held.
func (c *Control) dropAgents() {
	c.server.ResetAgents()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}

// countAgents returns the server's agents together with more, and takes their sizes from
// the Budget, or returns an error if they are too large. Call it with c.mu held.
func (c *Control) countAgents(more []Agent) (map[string]Agent, error) {
	agents := maps.Clone(c.agents)
	if agents == nil {
		agents = map[string]Agent{}
	}
	for _, a := range more {
		agents[a.Slug] = a
	}
	return agents, c.config.Budget.change(sum(c.agents), sum(agents))
}

func sum(agents map[string]Agent) (n int) {
	for _, a := range agents {
		n += a.size()
	}
	return n
}

// Close ends what waits for requests and deliveries, and returns the memory of the
// server's agents to the Budget.
func (c *Control) Close() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config.Budget.change(sum(c.agents), 0)
	c.agents = nil
}
