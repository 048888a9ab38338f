package dashboard

import (
	"encoding/json"
	"net/http"
)

// FaultQueue holds the faults that the API's next requests meet, one a
// request, in order. Faults are written in a notation such as "429:7".
type FaultQueue interface {
	// Arm appends faults, separated by commas. On an error none is.
	Arm(notation string) error
	// Queued lists the faults not yet met, oldest first.
	Queued() []string
	// Clear takes all of them back.
	Clear()
	// Forms lists what the notation can say.
	Forms() []FaultForm
}

// FaultForm is a kind of fault: an example in the notation, and its meaning.
type FaultForm struct {
	Example string `json:"example"`
	Meaning string `json:"meaning"`
}

const maxFaultBody = 4 << 10 // bytes

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
		writeError(w, http.StatusBadRequest, "the body has to be {\"faults\": \"…\"}")
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
