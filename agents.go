package clawhq

import (
	"context"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// AgentsService shows the account's agents that are deployed, and undeploys
// them. A Client's is Client.Agents.
type AgentsService struct{ core *core }

// Agent is a deployed agent.
type Agent struct {
	ID          string
	Name        string
	Slug        string // what ChatRequest.Agent takes; List alone tells it
	Description string // empty if there is none
	Status      string // "deployed"; the reference pages also know "stopped" and "error"
	Model       AgentModel
	DeployedAt  time.Time
}

// AgentModel names the models that an agent runs on.
type AgentModel struct {
	Primary  string // "default" where none is set
	Fallback string // empty if there is none
}

// List returns a page of the deployed agents, the newest deployment first: 20
// without a Limit, 100 at most.
func (s *AgentsService) List(ctx context.Context, opts ListOptions, callOpts ...CallOption) (*Page[Agent], error) {
	body, _, err := fetch[wire.AgentList](ctx, s.core, page(wire.ListAgents, opts), callOpts)
	if err != nil {
		return nil, err
	}
	return pageOf(body.Paging, body.Agents, agentOf), nil
}

// All returns the deployed agents from Offset on, Limit a request, as the loop
// goes. See [AgentsService.List].
func (s *AgentsService) All(ctx context.Context, opts ListOptions, callOpts ...CallOption) iter.Seq2[Agent, error] {
	return all(opts, Agent.id, func(at ListOptions) (*Page[Agent], error) { return s.List(ctx, at, callOpts...) })
}

// Get returns the agent with an id; its slug is not told. An agent that is
// unknown or not deployed is a NotFoundError, as is a slug in place of the id.
func (s *AgentsService) Get(ctx context.Context, id string, opts ...CallOption) (*Agent, error) {
	body, _, err := fetch[wire.AgentReply](ctx, s.core, to(wire.GetAgent, id).unless(checkID(id)), opts)
	if err != nil {
		return nil, err
	}
	agent := agentOf(body.Agent)
	return &agent, nil
}

// Undeploy takes an agent off the customer's server, which may take some ten
// seconds. An unknown one is a NotFoundError; one that is not deployed, or not
// any more since a reply was lost, an InvalidRequestError.
func (s *AgentsService) Undeploy(ctx context.Context, id string, opts ...CallOption) error {
	_, _, err := fetch[wire.Undeployed](ctx, s.core, to(wire.UndeployAgent, id).unless(checkID(id)), opts)
	return err
}

func (a Agent) id() string { return a.ID }

func agentOf(a wire.Agent) Agent {
	return Agent{
		ID: a.AnyID(), Name: a.Name, Slug: a.Slug, Description: string(a.Description), Status: a.Status,
		Model:      AgentModel{Primary: a.Model.Primary, Fallback: string(a.Model.Fallback)},
		DeployedAt: a.DeployedAt.Time(),
	}
}
