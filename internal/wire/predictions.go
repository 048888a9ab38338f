package wire

import "encoding/json"

// Prediction is the reply of GET /v1/predictions/{id}. The service creates none yet.
type Prediction struct {
	PredictionID     string          `json:"prediction_id"`
	Status           string          `json:"status"`
	Response         json.RawMessage `json:"response"`
	ProcessingTimeMS *int            `json:"processing_time_ms"`
	CreatedAt        Time            `json:"created_at"`
	CompletedAt      Time            `json:"completed_at"`
}
