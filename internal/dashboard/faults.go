package dashboard

import (
	"encoding/json"
	"net/http"
)

// FaultQueue is the queue of faults for requests of the API. Faults are written in a
// notation such as "429:7".
type FaultQueue interface {
	// Arm adds faults, separated by commas, to the queue. If there is an error, it
	// adds none.
	Arm(notation string) error
	// Queued returns the faults in the queue, oldest first.
	Queued() []string
	// Clear empties the queue.
	Clear()
	// Forms returns the forms of the notation.
	Forms() []FaultForm
}

// FaultForm is a form of the notation: an example, and its meaning.
type FaultForm struct {
	Example string `json:"example"`
	Meaning string `json:"meaning"`
}

const maxFaultBody = 4 << 10 // in bytes

func (d *Dashboard) listFaults(w http.ResponseWriter, _ *http.Request) {
	queued := d.config.Faults.Queued()
	if queued == nil {
		queued = []string{}
	}
	writeJSON(w, http.StatusOK, map[string][]string{"queued": queued})
}

func (d *Dashboard) armFaults(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Faults string `json:"faults"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultBody)).Decode(&body); err != nil {
		writeError(w, http.StatusBadRequest, "the body must be {\"faults\": \"…\"}")
		return
	}
	if err := d.config.Faults.Arm(body.Faults); err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	d.listFaults(w, r)
}

func (d *Dashboard) clearFaults(w http.ResponseWriter, r *http.Request) {
	d.config.Faults.Clear()
	d.listFaults(w, r)
}
