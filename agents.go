package clawhq

import (
	"context"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// AgentsService lists and undeploys the account's deployed agents. Use
// Client.Agents.
type AgentsService struct{ core *core }

// Agent is a deployed agent.
type Agent struct {
	ID          string
	Name        string
	Slug        string // the value for ChatRequest.Agent; set by List and All only
	Description string // empty if there is none
	Status      string // "deployed"; the reference pages also document "stopped" and "error"
	Model       AgentModel
	DeployedAt  time.Time
}

// AgentModel names the models that an agent runs on.
type AgentModel struct {
	Primary  string // "default" if none is set
	Fallback string // empty if there is none
}

// List returns a page of the deployed agents, the newest deployment first. A
// page has 20 agents by default and 100 at most.
//
// Endpoint: GET /v1/agents
func (s *AgentsService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[Agent], error) {
	body, _, err := fetch[wire.AgentList](ctx, s.core, page(wire.ListAgents, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Agents, agentOf), nil
}

// All returns an iterator over the deployed agents from opts.Offset on. It
// requests page after page, opts.Limit agents each, as the loop proceeds. See
// [AgentsService.List] and [ListOptions].
func (s *AgentsService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[Agent, error] {
	return all(opts, callOpts, Agent.id, func(at ListOptions, callOpts []CallOption) (*Page[Agent], error) { return s.List(ctx, at, callOpts...) })
}

// Get returns the agent with the given id, without its Slug. It returns a
// NotFoundError if there is no such agent, if the agent is not deployed, or if
// id is a slug.
//
// Endpoint: GET /v1/agents/{id}
func (s *AgentsService) Get(ctx context.Context, id string, opts ...CallOption) (*Agent, error) {
	body, _, err := fetch[wire.AgentReply](ctx, s.core, to(wire.GetAgent, id), opts)
	if err != nil {
		return nil, err
	}
	agent := agentOf(body.Agent)
	return &agent, nil
}

// Undeploy removes an agent from the customer's server, which may take about
// ten seconds. It returns a NotFoundError if there is no such agent, and an
// InvalidRequestError if the agent is not deployed. The latter can also mean
// that an earlier attempt undeployed the agent but its reply was lost.
//
// Endpoint: DELETE /v1/agents/{id}
func (s *AgentsService) Undeploy(ctx context.Context, id string, opts ...CallOption) error {
	return drop[wire.Undeployed](ctx, s.core, to(wire.UndeployAgent, id), opts)
}

func (a Agent) id() string { return a.ID }

func agentOf(a wire.Agent) Agent {
	return Agent{
		ID: a.AnyID(), Name: a.Name, Slug: a.Slug, Description: string(a.Description), Status: a.Status,
		Model:      AgentModel{Primary: a.Model.Primary, Fallback: string(a.Model.Fallback)},
		DeployedAt: a.DeployedAt.Time(),
	}
}
