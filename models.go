package clawhq

import (
	"context"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ModelsService lists the models that agents can run on. Use Client.Models.
type ModelsService struct{ core *core }

// Model is a model that agents can run on.
type Model struct {
	ID            string
	Name          string
	Description   string // empty if there is none
	ContextWindow int    // in tokens
}

// List returns all models, in the order of the service.
//
// Endpoint: GET /v1/models
func (s *ModelsService) List(ctx context.Context, opts ...CallOption) ([]Model, error) {
	body, _, err := fetch[wire.ModelList](ctx, s.core, to(wire.ListModels), opts)
	if err != nil {
		return nil, err
	}
	return each(body.Models, modelOf), nil
}

func modelOf(m wire.Model) Model {
	return Model{ID: m.ID, Name: m.Name, Description: string(m.Description), ContextWindow: m.ContextWindow}
}
