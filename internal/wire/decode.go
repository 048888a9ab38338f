package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A Reply is the body of a successful reply.
type Reply interface {
	// Check returns an error if the reply lacks a member without which it is
	// useless.
	Check() error
}

// Decode decodes a reply leniently: it ignores unknown members, and treats members
// of the wrong type as missing. It returns an error if the body is not JSON or if
// the reply's Check returns one.
func Decode(body []byte, reply Reply) error {
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(body, reply); err != nil && !errors.As(err, &wrongType) {
		return err
	}
	return reply.Check()
}

// DecodeChat decodes the reply of a chat. Unlike Decode it does not forgive an
// answer of another type.
func DecodeChat(body []byte) (ChatReply, error) {
	var s Scanner
	if r, ok := s.chatReply(body); ok {
		return r, nil
	}
	var r ChatReply
	if err := json.Unmarshal(body, &r); err != nil {
		return ChatReply{}, err
	}
	return r, r.Check()
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
