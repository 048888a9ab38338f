package openapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/openapi"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// parsed returns the document of the API.
func parsed(t *testing.T) (document map[string]any) {
	t.Helper()
	if err := json.NewDecoder(openapi.API().At("https://127.0.0.1/api", "test")).Decode(&document); err != nil {
		t.Fatal(err)
	}
	return document
}

// at returns the value at a path of names.
func at(t *testing.T, v any, names ...string) any {
	t.Helper()
	for _, name := range names {
		o, _ := v.(map[string]any)
		if v = o[name]; v == nil {
			t.Fatalf("the document has no %s of %s", name, strings.Join(names, " "))
		}
	}
	return v
}

// Every endpoint has its operation, with its credential, its page and its window.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	document := parsed(t)
	seen := map[string]bool{}
	for _, e := range wire.Endpoints {
		op := at(t, document, "paths", e.Path, strings.ToLower(e.Method))
		id := at(t, op, "operationId").(string)
		if seen[id] {
			t.Errorf("two operations are called %s", id)
		}
		seen[id] = true
		scheme := map[wire.Auth]string{wire.KeyAuth: "apiKey", wire.SessionAuth: "session"}[e.Auth]
		if diff := cmp.Diff([]any{map[string]any{scheme: []any{}}}, at(t, op, "security")); diff != "" {
			t.Errorf("%s security (-want +got):\n%s", id, diff)
		}
		var limits []any
		list, _ := op.(map[string]any)["parameters"].([]any)
		for _, p := range list {
			if p := p.(map[string]any); p["name"] == "limit" {
				limits = append(limits, at(t, p, "schema", "default"), at(t, p, "schema", "maximum"))
			}
		}
		want := []any{float64(e.Page.Default), float64(e.Page.Most)}
		if e.Page.Most == 0 {
			want = nil
		}
		if diff := cmp.Diff(want, limits); diff != "" {
			t.Errorf("%s limit (-want +got):\n%s", id, diff)
		}
		live, _ := op.(map[string]any)["x-live"].(map[string]any)
		said, _ := live["description"].(string)
		if counts := e.Auth == wire.KeyAuth && e.Window != wire.KeyWindow; counts != strings.Contains(said, "`"+e.Window.Name+"`") {
			t.Errorf("%s is said to count in live as: %s", id, said)
		}
	}
	if got := slices.Sorted(maps.Keys(at(t, document, "paths").(map[string]any))); len(got) == 0 || len(seen) != len(wire.Endpoints) {
		t.Errorf("%d operations at %v", len(seen), got)
	}
}

// Errors and events are those of the tables.
func TestTables(t *testing.T) {
	t.Parallel()
	document := parsed(t)
	schemas := at(t, document, "components", "schemas")
	inner := []string{"properties", "error", "properties"}
	live := maps.Clone(wire.Codes)
	maps.Copy(live, wire.LiveCodes)
	for code, known := range wire.Codes {
		schema := at(t, schemas, "Error"+strconv.Itoa(known.Status))
		in := func(schema any, name, value string) bool {
			return slices.Contains(at(t, schema, append(slices.Clone(inner), name, "enum")...).([]any), any(value))
		}
		if !in(schema, "code", code) || !in(schema, "type", known.Type) {
			t.Errorf("no schema has %s as %s with status %d", code, known.Type, known.Status)
		}
		schema = at(t, schemas, "Error"+strconv.Itoa(live[code].Status))
		if patch, ok := schema.(map[string]any)["x-live"]; ok {
			schema = at(t, patch, "patch")
		}
		if !in(schema, "code", code) || !in(schema, "type", live[code].Type) {
			t.Errorf("live no schema has %s as %s with status %d", code, live[code].Type, live[code].Status)
		}
	}
	events := slices.Sorted(slices.Values(append(slices.Clone(wire.WebhookEvents), wire.EventTest)))
	if diff := cmp.Diff(events, slices.Sorted(maps.Keys(at(t, document, "webhooks").(map[string]any)))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// The document names headers as package wire does.
func TestHeaders(t *testing.T) {
	t.Parallel()
	document := parsed(t)
	var got []string
	for name := range at(t, document, "components", "headers").(map[string]any) {
		got = append(got, http.CanonicalHeaderKey(name))
	}
	for _, p := range at(t, document, "webhooks", wire.EventTest, "post", "parameters").([]any) {
		got = append(got, http.CanonicalHeaderKey(at(t, p, "name").(string)))
	}
	slices.Sort(got)
	want := []string{
		wire.HeaderRequestID, wire.HeaderClientRequestID, wire.HeaderRateLimitLimit, wire.HeaderRateLimitRemaining, wire.HeaderRateLimitReset,
		wire.HeaderRetryAfter, wire.HeaderWebhookEvent, wire.HeaderWebhookSignature, wire.HeaderWebhookTimestamp,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	chat, _ := json.Marshal(at(t, document, "paths", "/v1/chat", "post"))
	for _, name := range []string{wire.HeaderIdempotencyKey, wire.HeaderIdempotencyReplay} {
		if !strings.Contains(strings.ToLower(string(chat)), `"`+strings.ToLower(name)+`"`) {
			t.Errorf("chat has no %s", name)
		}
	}
}
