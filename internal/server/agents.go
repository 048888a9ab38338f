package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/clock"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// An agent is an agent of the account, deployed or not.
type agent struct {
	id, slug, name string
	description    string
	model          string
	deployedAt     time.Time
	undeployed     bool
	answer         AgentFunc
	instant        bool // answers without waiting, and so needs no time limit
	clock          *clock.Clock
}

// HandleAgent deploys fn under slug. It replaces an agent with the same slug. If fn
// is nil, the agent answers as a built-in one. In profile Live the agent deployed
// last is the default.
func (s *Server) HandleAgent(slug string, fn AgentFunc) {
	if slug == "" {
		panic("clawhqtest: HandleAgent: empty slug")
	}
	a := agent{slug: slug, name: slug, model: wire.DefaultModel, answer: fn}
	if fn == nil {
		a = s.builtin(a, supportAgent)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deploy(a)
}

// ResetAgents replaces the agents by those of a new server, and undoes SetOffline.
func (s *Server) ResetAgents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.roster = roster{}
	s.deployBuiltins()
}

// deploy deploys an agent. If there is an agent with the same slug, the new one takes
// its id, name, description and model. Call deploy with s.mu held, or before the
// server is used.
func (s *Server) deploy(a agent) {
	a.id = uuid.NewString()
	a.slug = s.cfg.Profile.slug(a.slug, a.name)
	a.deployedAt = s.clock.Now()
	a.clock = s.clock
	if i := slices.IndexFunc(s.state.agents, func(old *agent) bool { return old.slug == a.slug }); i >= 0 {
		old := s.state.agents[i]
		a.id, a.name, a.description, a.model = old.id, old.name, old.description, old.model
		s.state.agents = slices.Delete(s.state.agents, i, i+1)
	}
	s.state.agents = append(s.state.agents, &a)
}

// deployed returns the deployed agents, in the order of deployment.
func (r *roster) deployed() []*agent {
	return slices.DeleteFunc(slices.Clone(r.agents), func(a *agent) bool { return a.undeployed })
}

// find returns the deployed agent with that slug. If there is none, it returns the
// one with that name or, in profile Documented, with that id. Case does not matter.
// For an empty name it returns the default agent. It returns nil if no agent fits.
// Call it with s.mu held.
func (r *roster) find(p Profile, name string) *agent {
	deployed, q := r.deployed(), p.quirks()
	if name == "" {
		if len(deployed) == 0 {
			return nil
		}
		i := slices.IndexFunc(deployed, func(a *agent) bool { return a.slug == q.defaultSlug })
		if i < 0 {
			i = len(deployed) - 1
		}
		return deployed[i]
	}
	for _, is := range []func(*agent) bool{
		func(a *agent) bool { return strings.EqualFold(a.slug, name) },
		func(a *agent) bool { return strings.EqualFold(a.name, name) },
		func(a *agent) bool { return q.agentsByID && strings.EqualFold(a.id, name) },
	} {
		if i := slices.IndexFunc(deployed, is); i >= 0 {
			return deployed[i]
		}
	}
	return nil
}

// any is find for threads and batches, which use the default agent if no agent has
// the name.
func (r *roster) any(p Profile, name string) *agent {
	if a := r.find(p, name); a != nil {
		return a
	}
	return r.find(p, "")
}

func (r *roster) names() []string {
	names := []string{}
	for _, a := range r.deployed() {
		names = append(names, a.name)
	}
	return names
}

// AgentInfo describes a deployed agent.
type AgentInfo struct {
	ID, Slug, Name string
}

// Agents returns the deployed agents, in the order of deployment.
func (s *Server) Agents() (agents []AgentInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.state.deployed() {
		agents = append(agents, AgentInfo{a.id, a.slug, a.name})
	}
	return agents
}

// Offline reports whether the machine that the agents run on is stopped.
func (s *Server) Offline() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.offline
}

// SetOffline stops or starts the machine on which the agents run. While it is
// stopped, messages are answered with agent_offline, and batches fail.
func (s *Server) SetOffline(offline bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.offline = offline
}

// listAgents answers GET /v1/agents: the deployed agents, newest first.
func (c *call) listAgents() (any, error) {
	agents := c.state.deployed()
	slices.Reverse(agents)
	page, paging, err := pageOf(c, agents, "agents")
	if err != nil {
		return nil, err
	}
	list := wire.AgentList{Agents: []wire.Agent{}, Paging: paging}
	for _, a := range page {
		shown := c.showAgent(a)
		shown.Slug = a.slug
		if c.profile.quirks().slugFromName {
			shown.Slug = listedSlug(a.name) // which is not always a.slug
		}
		list.Agents = append(list.Agents, shown)
	}
	return list, nil
}

// getAgent answers GET /v1/agents/{id}. It does not accept a slug.
func (c *call) getAgent() (any, error) {
	a := c.agent()
	if a == nil || a.undeployed || c.lookupFails(LookupAgent) {
		return nil, refuse(wire.CodeAgentNotFound, "", "")
	}
	return wire.AgentReply{Agent: c.showAgent(a)}, nil
}

// undeployAgent answers DELETE /v1/agents/{id}.
func (c *call) undeployAgent() (any, error) {
	a := c.agent()
	switch {
	case a == nil || c.lookupFails(LookupAgent):
		return nil, refuse(wire.CodeAgentNotFound, "Agent not found", "")
	case a.undeployed:
		return nil, &refusal{status: http.StatusBadRequest, code: wire.CodeInvalidRequest, message: "Agent is not deployed"}
	}
	a.undeployed = true
	return wire.Undeployed{Undeployed: true}, nil
}

// agent returns the agent with the id in the path, deployed or not, or nil.
func (c *call) agent() *agent {
	i := slices.IndexFunc(c.state.agents, func(a *agent) bool { return a.id == c.ids[0] })
	if i < 0 {
		return nil
	}
	return c.state.agents[i]
}

// showAgent returns an agent in the form of a reply.
func (c *call) showAgent(a *agent) wire.Agent {
	shown := wire.Agent{
		ID:          a.id,
		Name:        a.name,
		Description: wire.Text(a.description),
		Status:      wire.AgentDeployed,
		Model:       wire.AgentModel{Primary: a.model},
		DeployedAt:  c.profile.time(a.deployedAt),
	}
	if c.profile.quirks().pageFields {
		shown.AgentID = a.id
	}
	return shown
}

// slug returns the slug of an agent that is deployed under a slug and has a name. In
// profile Live it is made from the name: in lower case, with one underscore for each
// run of other characters.
func (p Profile) slug(deployedAs, name string) string {
	if !p.quirks().slugFromName {
		return deployedAs
	}
	slug := listedSlug(name)
	for strings.Contains(slug, "__") {
		slug = strings.ReplaceAll(slug, "__", "_")
	}
	return cmp.Or(strings.Trim(slug, "_"), slug)
}

// listedSlug returns the slug that profile Live's list of agents shows for a name. It
// has one underscore for each character that is not allowed.
func listedSlug(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}
