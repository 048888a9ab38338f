package server

import (
	_ "embed"
	"encoding/json"
	"slices"

	"github.com/clawhq/clawhq-go/internal/wire"
)

//go:embed models.json
var modelsJSON []byte

// catalog returns the service's models, in its order.
func catalog() (models []wire.Model) {
	if err := json.Unmarshal(modelsJSON, &models); err != nil {
		panic(err) // cannot happen: it is embedded
	}
	return models
}

// SetModels replaces the models.
func (s *Server) SetModels(models []wire.Model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.models = slices.Clone(models)
}

// listModels answers GET /v1/models. It ignores limit and offset.
func (c *call) listModels() (any, error) {
	if c.lookupFails(LookupList) {
		return nil, refuse(wire.CodeInternalError, "Failed to fetch models", "")
	}
	models := append([]wire.Model{}, c.state.models...)
	return wire.ModelList{Models: models, Paging: wire.Paging{Total: len(models)}}, nil
}

// createPrediction answers POST /v1/predictions, which the service does not offer
// yet.
func (c *call) createPrediction() (any, error) {
	return nil, refuse(wire.CodeInvalidRequest, "The predictions API is not yet available. Use /v1/chat for synchronous completions or /v1/chat/batch for batch processing.", "")
}

// getPrediction answers GET /v1/predictions/{id}. No call creates a prediction.
func (c *call) getPrediction() (any, error) {
	if prediction, ok := c.state.predictions[c.ids[0]]; ok {
		return prediction, nil
	}
	return nil, refuse(wire.CodeNotFound, "Prediction not found", "")
}
