package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A Reply is the body of a successful reply.
type Reply interface {
	// Check returns an error if the reply lacks a member without which it is useless.
	Check() error
}

// JSON returns a body without the byte order mark that may precede it (RFC 8259
// §8.1).
func JSON(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\uFEFF")) }

// ErrReported is the error of Decode for a body that is an error body, whatever the
// status of the reply was.
var ErrReported = errors.New("the reply reports an error")

// Decode decodes a reply leniently: it ignores unknown members, and treats members of
// the wrong type as missing. It returns an error if the body is not JSON, if the body
// is an error body, or if the reply's Check returns an error.
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

// DecodeChat decodes the reply to a chat.
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
	if err := json.Unmarshal(body, &r); err != nil { // not JSON, or the answer is not a string
		return ChatReply{}, err
	}
	reply := ChatReply{r.Response, string(r.Agent), string(r.RequestID)}
	return reply, reply.Check()
}

// ReportsError reports whether a body is an error body. It is one if its member error
// is an object, or if that is a string and the other members are those of FlatError.
// (The reply about a webhook's receiver that failed has an error too, but beside
// success.)
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

// Paging is the part of a list's reply that describes the position of the page.
type Paging struct {
	HasMore bool `json:"has_more"` // there are rows after the page
	Total   int  `json:"total"`    // number of all rows that match
}

// need returns an error that names the first of the members that is missing.
func need(members ...member) error {
	for _, m := range members {
		if !m.there {
			return fmt.Errorf("the reply has no %s", m.name)
		}
	}
	return nil
}

// member is a member of a reply, and whether the reply has it.
type member struct {
	name  string
	there bool
}
