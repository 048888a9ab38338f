package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// request is an entry of the journal.
type request struct {
	Time       time.Time   `json:"time"`
	DurationMS float64     `json:"duration_ms"` // 0 while it is handled
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Headers    http.Header `json:"headers"`
	Body       string      `json:"body"`
	Omitted    int         `json:"omitted,omitempty"` // bytes beyond body
	Status     int         `json:"status"`            // 0 without a reply
	RequestID  string      `json:"request_id"`
	KeyID      string      `json:"key_id,omitempty"`
	Agent      string      `json:"agent,omitempty"`
	Fault      string      `json:"fault,omitempty"`
	Error      string      `json:"error,omitempty"`
}

// journal is a reply with entries of the journal, oldest first.
type journal struct {
	Requests []request `json:"requests"`
	Total    int       `json:"total"` // that match, where fewer are shown
}

// filters are what requests of the journal can be chosen by.
var filters = []string{"method", "path", "status", "key", "agent", "fault", "body", "request_id"}

// filter returns what chooses requests as a query says.
func filter(query url.Values, others ...string) (func(clawhqtest.Request) bool, error) {
	for name, values := range query {
		if err := oneOf("the query", name, append(others, filters...)); err != nil {
			return nil, err
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("%s is there %d times", name, len(values))
		}
	}
	status, err := number(query, "status", 0, 599, 0)
	if err != nil {
		return nil, err
	}
	path := query.Get("path")
	if path != "" {
		if err := checkPath(path); err != nil {
			return nil, err
		}
	}
	method, pattern, found := strings.Cut(path, " ")
	if !found {
		method, pattern = "", path
	}
	return func(r clawhqtest.Request) bool {
		is := func(name, value string) bool { return !query.Has(name) || query.Get(name) == value }
		_, matches := (wire.Endpoint{Path: pattern}).Match(strings.TrimPrefix(r.Path, wire.BasePath))
		return is("method", r.Method) && is("key", r.KeyID) && is("agent", r.Agent) && is("request_id", r.RequestID) &&
			(method == "" || method == r.Method) && (pattern == "" || matches) &&
			(!query.Has("status") || status == r.Status) &&
			(!query.Has("fault") || (query.Get("fault") == "true") == (r.Fault != "")) &&
			strings.Contains(string(r.Body), query.Get("body"))
	}, nil
}

// oneOf refuses what is not in a list.
func oneOf(field, value string, list []string) error {
	if !slices.Contains(list, value) {
		return fmt.Errorf("%s: unknown %q; there are %s", field, value, strings.Join(list, ", "))
	}
	return nil
}

// number reads a number of a query, or the one for its absence.
func number(query url.Values, name string, least, most, absent int) (int, error) {
	if !query.Has(name) {
		return absent, nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s %q: it must be a number from %d to %d", name, query.Get(name), least, most)
	}
	return n, nil
}

// maxShown bounds how many requests a reply has.
const maxShown = 1000

// requests shows the journal: of more than maxShown requests the latest.
func (c *Control) requests(r *http.Request) (any, error) {
	query := r.URL.Query()
	matches, err := filter(query, "limit")
	if err != nil {
		return nil, err
	}
	limit, err := number(query, "limit", 1, maxShown, maxShown)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(c.server.Requests(), func(r clawhqtest.Request) bool { return !matches(r) })
	return show(found, limit), nil
}

func show(found []clawhqtest.Request, limit int) journal {
	j := journal{Requests: []request{}, Total: len(found)}
	for _, r := range found[max(0, len(found)-limit):] {
		j.Requests = append(j.Requests, request{
			Time: r.Time.UTC(), DurationMS: float64(r.Duration) / float64(time.Millisecond), Method: r.Method, Path: r.Path, Headers: r.Header, Body: string(r.Body), Omitted: r.Omitted,
			Status: r.Status, RequestID: r.RequestID, KeyID: r.KeyID, Agent: r.Agent, Fault: r.Fault, Error: r.Err,
		})
	}
	return j
}

func (c *Control) clearRequests(*http.Request) (any, error) {
	c.server.ClearRequests()
	return show(nil, maxShown), nil
}

// Limits of a wait, in real time.
const (
	defaultWait = 10 * time.Second
	maxWait     = 5 * time.Minute
)

// waitRequests waits until so many requests match.
func (c *Control) waitRequests(r *http.Request) (any, error) {
	query := r.URL.Query()
	matches, err := filter(query, "count", "timeout")
	if err != nil {
		return nil, err
	}
	count, err := number(query, "count", 1, maxShown, 1)
	if err != nil {
		return nil, err
	}
	timeout := defaultWait
	if text := query.Get("timeout"); text != "" {
		if timeout, err = time.ParseDuration(text); err != nil || timeout <= 0 || timeout > maxWait {
			return nil, fmt.Errorf("timeout %q: it must be a duration up to %v, for example 10s", text, maxWait)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, err := c.server.WaitRequests(ctx, count, matches)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, failure{http.StatusGatewayTimeout, fmt.Errorf("%d of %d requests came in %v", len(found), count, timeout)}
	}
	return show(found, maxShown), err
}

// delivery is an attempt to deliver an event, or to tell a batch's callback.
type delivery struct {
	Time      time.Time   `json:"time"`
	WebhookID string      `json:"webhook_id,omitempty"`
	ID        string      `json:"id,omitempty"`
	Event     string      `json:"event,omitempty"`
	Attempt   int         `json:"attempt"`
	URL       string      `json:"url"`
	Headers   http.Header `json:"headers"`
	Body      string      `json:"body"`
	Status    int         `json:"status"` // 0 without a reply
	Reply     string      `json:"reply"`
	LatencyMS float64     `json:"latency_ms"`
	Error     string      `json:"error,omitempty"`
}

// listDeliveries shows the latest of what was sent to webhooks and callbacks,
// oldest first.
func (c *Control) listDeliveries(*http.Request) (any, error) {
	list := []delivery{}
	sent := c.server.Deliveries()
	for _, d := range sent[max(0, len(sent)-maxShown):] {
		list = append(list, delivery{
			Time: d.Time.UTC(), WebhookID: d.WebhookID, ID: d.ID, Event: string(d.Event), Attempt: d.Attempt, URL: d.URL, Headers: d.Header, Body: string(d.Body),
			Status: d.Status, Reply: string(d.Reply), LatencyMS: float64(d.Latency) / float64(time.Millisecond), Error: d.Err,
		})
	}
	return map[string][]delivery{"deliveries": list}, nil
}
