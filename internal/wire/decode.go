package wire

import (
	"bytes"
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

// JSON returns a body without the byte order mark that it may begin with (RFC 8259
// §8.1).
func JSON(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\uFEFF")) }

// ErrReported is returned for the body of an error, whatever the status was that it
// came with.
var ErrReported = errors.New("the reply reports an error")

// Decode decodes a reply leniently: it ignores unknown members, and treats members
// of the wrong type as missing. It returns an error if the body is not JSON or that
// of an error, or if the reply's Check returns one.
func Decode(body []byte, reply Reply) error {
	body = JSON(body)
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(body, reply); err != nil && !errors.As(err, &wrongType) {
		return err
	}
	if ReportsError(body) {
		return ErrReported
	}
	return reply.Check()
}

// DecodeChat decodes the reply of a chat.
func DecodeChat(body []byte) (ChatReply, error) {
	body = JSON(body)
	var s Scanner
	if r, ok := s.chatReply(body); ok {
		return r, nil
	}
	var r struct {
		Response  *string `json:"response"`
		Agent     Text    `json:"agent"`
		RequestID Text    `json:"request_id"`
	}
	if err := json.Unmarshal(body, &r); err != nil { // no JSON, or no text as the answer
		return ChatReply{}, err
	}
	reply := ChatReply{r.Response, string(r.Agent), string(r.RequestID)}
	return reply, reply.Check()
}

// ReportsError reports whether a body is that of an error: its member error is an
// object, or it is a text and there are no members that a FlatError does not have.
// (A webhook's receiver that failed is reported by success and error.)
func ReportsError(body []byte) bool {
	var members map[string]json.RawMessage
	if !bytes.Contains(body, []byte(`"error"`)) || json.Unmarshal(JSON(body), &members) != nil {
		return false
	}
	e := members["error"]
	if len(e) == 0 || e[0] == '{' {
		return len(e) > 0
	}
	for name := range members {
		switch name {
		case "error", "code", "status", "retry_after":
		default:
			return false
		}
	}
	return e[0] == '"' && string(e) != `""`
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
