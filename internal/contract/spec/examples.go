package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// CheckExamples returns which examples of an operation are not valid by their schemas.
func (a *API) CheckExamples(op *Operation) (found []Problem) {
	for _, p := range op.parameters {
		found = append(found, a.textExamples(p)...)
	}
	found = append(found, a.contentExamples(openURL, op.at.member("requestBody").resolved().member("content"))...)
	for _, response := range op.at.member("responses").members() {
		response = response.resolved()
		for _, header := range response.member("headers").members() {
			found = append(found, a.textExamples(header.resolved())...)
		}
		found = append(found, a.contentExamples(closedURL, response.member("content"))...)
	}
	return found
}

// CheckExample returns why a value is not valid by the schema at a JSON Pointer.
func (a *API) CheckExample(pointer string, value any) []Problem {
	schema, err := a.schema(openURL, a.find(pointer))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return a.problems("example", err)
	}
	return nil
}

// Sent returns the operations of the document's receivers: of webhooks and callbacks.
func (a *API) Sent() (all []*Operation) {
	for _, op := range a.sent {
		all = append(all, op)
	}
	slices.SortFunc(all, func(a, b *Operation) int { return strings.Compare(a.at.pointer, b.at.pointer) })
	return all
}

func (a *API) textExamples(holder place) (found []Problem) {
	for _, example := range examples(holder) {
		found = append(found, a.checkText("example", holder, fmt.Sprint(example.value), true)...)
	}
	return found
}

func (a *API) contentExamples(resource string, content place) (found []Problem) {
	for _, media := range content.members() {
		for _, example := range examples(media) {
			text, ok := example.value.(string)
			if !ok || media.name() == "application/json" {
				encoded, err := json.Marshal(example.value)
				if err != nil {
					panic(err) // it came from JSON
				}
				text = string(encoded)
			}
			if media.name() == "multipart/form-data" {
				schema, err := a.schema(resource, media.member("schema"))
				if err == nil {
					err = schema.Validate(example.value)
				}
				if err != nil {
					found = append(found, a.problems("example", err)...)
				}
				continue
			}
			found = append(found, a.checkBody(resource, "example", content, media.name(), []byte(text), false)...)
		}
	}
	return found
}

// examples returns the values that a parameter, header or media type has as examples.
func examples(holder place) (all []place) {
	if example := holder.member("example"); example.exists() {
		all = append(all, example)
	}
	for _, example := range holder.member("examples").members() {
		all = append(all, example.resolved().member("value"))
	}
	return all
}
