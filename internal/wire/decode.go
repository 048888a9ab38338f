package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A Reply is the body of a successful reply.
type Reply interface {
	// Check returns what is missing without which the reply is useless.
	Check() error
}

// Decode reads a reply leniently: unknown members are ignored, and members of
// another type than they should have count as absent. It fails if the body is
// not JSON or if the reply's own Check does.
func Decode(body []byte, reply Reply) error {
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(body, reply); err != nil && !errors.As(err, &wrongType) {
		return err
	}
	return reply.Check()
}

// Paging is the part of a list's reply that says where its page lies.
type Paging struct {
	HasMore bool `json:"has_more"` // offset and rows are fewer than Total
	Total   int  `json:"total"`    // of all rows that match
}

// need returns an error for the first of the named members that is missing.
func need(members ...member) error {
	for _, m := range members {
		if !m.there {
			return fmt.Errorf("the reply has no %s", m.name)
		}
	}
	return nil
}

// member is a member of a reply, by its name, and whether it is there.
type member struct {
	name  string
	there bool
}
