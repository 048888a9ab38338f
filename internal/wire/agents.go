package wire

import "cmp"

// AgentDeployed is the status of every agent that the live service lists.
const AgentDeployed = "deployed"

// DefaultModel is the primary model of an agent for which none was chosen.
const DefaultModel = "default"

// Agent is an agent in a reply. GET /v1/agents/{id} leaves the slug out. On the
// reference pages the id is called agent_id.
type Agent struct {
	ID          string     `json:"id,omitempty"`
	AgentID     string     `json:"agent_id,omitempty"`
	Name        string     `json:"name"`
	Slug        string     `json:"slug,omitempty"`
	Description Text       `json:"description"`
	Status      string     `json:"status"`
	Model       AgentModel `json:"model"`
	DeployedAt  Time       `json:"deployed_at"`
}

// AnyID returns the id under either name.
func (a Agent) AnyID() string { return cmp.Or(a.ID, a.AgentID) }

// AgentModel names the models of an agent.
type AgentModel struct {
	Primary  string `json:"primary"`
	Fallback Text   `json:"fallback"`
}

// AgentList is the reply of GET /v1/agents.
type AgentList struct {
	Agents []Agent `json:"agents"`
	Paging
}

// Check returns an error if the list is missing.
func (l AgentList) Check() error { return need(member{"agents", l.Agents != nil}) }

// AgentReply is the reply of GET /v1/agents/{id}.
type AgentReply struct {
	Agent Agent `json:"agent"`
}

// Check returns an error if the agent is missing.
func (r AgentReply) Check() error { return need(member{"agent id", r.Agent.AnyID() != ""}) }

// Undeployed is the reply of DELETE /v1/agents/{id}.
type Undeployed struct {
	Undeployed bool `json:"undeployed"`
}

// Check returns an error if the agent was not undeployed.
func (u Undeployed) Check() error { return need(member{"undeployed", u.Undeployed}) }

// Model is a model that agents can run on.
type Model struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	ContextWindow int    `json:"context_window"` // tokens
	Description   Text   `json:"description"`
}

// ModelList is the reply of GET /v1/models. It always has one page.
type ModelList struct {
	Models []Model `json:"models"`
	Paging
}

// Check returns an error if the list is missing.
func (l ModelList) Check() error { return need(member{"models", l.Models != nil}) }
