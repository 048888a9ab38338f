package control

import (
	"bytes"
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

// summary is an entry of the journal without its headers and bodies.
type summary struct {
	Time       time.Time `json:"time"`
	DurationMS float64   `json:"duration_ms"` // 0 while it is handled
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Query      string    `json:"query"`
	Status     int       `json:"status"` // 0 without a reply
	RequestID  string    `json:"request_id"`
	KeyID      string    `json:"key_id,omitempty"`
	Agent      string    `json:"agent,omitempty"`
	Fault      string    `json:"fault,omitempty"`
	Error      string    `json:"error,omitempty"`
}

// request is an entry of the journal.
type request struct {
	summary
	Headers      http.Header `json:"headers"`
	Body         string      `json:"body"`
	Omitted      int         `json:"omitted,omitempty"`       // number of bytes beyond body
	ReplyHeaders http.Header `json:"reply_headers,omitempty"` // but for what is added on the way
	Reply        string      `json:"reply"`
	ReplyOmitted int         `json:"reply_omitted,omitempty"`  // number of bytes beyond reply
	ReplyTimesMS []float64   `json:"reply_times_ms,omitempty"` // of a stream: when each data line of reply was written
}

// journal is a reply with requests, oldest first.
type journal struct {
	Requests []request `json:"requests"`
	Total    int       `json:"total"` // number of all requests that match
}

// The query parameters that filter requests and deliveries.
var (
	requestFilters  = []string{"method", "path", "status", "key", "agent", "fault", "body", "request_id"}
	deliveryFilters = []string{"event", "webhook", "status", "attempt"}
)

// filter returns a function that reports whether a request passes the filters of a
// query; nil means that all pass.
func (c *Control) filter(query url.Values) (func(clawhqtest.Request) bool, error) {
	var conditions []func(clawhqtest.Request) bool
	add := func(name string, condition func(clawhqtest.Request) bool) {
		if query.Has(name) {
			conditions = append(conditions, condition)
		}
	}
	status, err := statusOf(query)
	if err != nil {
		return nil, err
	}
	path, method := query.Get("path"), query.Get("method")
	if query.Has("path") {
		if err := checkPath(path); err != nil {
			return nil, err
		}
	}
	if query.Has("method") {
		if err := oneOf("method", method, methods); err != nil {
			return nil, err
		}
	}
	if query.Has("fault") {
		if err := oneOf("fault", query.Get("fault"), []string{"true", "false"}); err != nil {
			return nil, err
		}
	}
	keyID := c.server.FindKey(query.Get("key"))
	if query.Has("key") && keyID == "" {
		return nil, fmt.Errorf("key %q: it must be the id or the value of a key of the account", wire.Redact(query.Get("key")))
	}
	faulted, agent, id, body := query.Get("fault") == "true", query.Get("agent"), query.Get("request_id"), []byte(query.Get("body"))
	pathMethod, pattern, found := strings.Cut(path, " ")
	if !found {
		pathMethod, pattern = "", path
	}
	endpoint := wire.Endpoint{Path: pattern}
	// The cheap conditions come first.
	add("status", func(r clawhqtest.Request) bool { return r.Status == status })
	add("method", func(r clawhqtest.Request) bool { return r.Method == method })
	add("key", func(r clawhqtest.Request) bool { return r.KeyID == keyID })
	add("agent", func(r clawhqtest.Request) bool { return r.Agent == agent })
	add("request_id", func(r clawhqtest.Request) bool { return r.RequestID == id })
	add("fault", func(r clawhqtest.Request) bool { return faulted == (r.Fault != "") })
	add("path", func(r clawhqtest.Request) bool {
		_, matches := endpoint.Match(strings.TrimPrefix(r.Path, wire.BasePath))
		return matches && (pathMethod == "" || pathMethod == r.Method)
	})
	add("body", func(r clawhqtest.Request) bool { return bytes.Contains(r.Body, body) })
	if conditions == nil {
		return nil, nil
	}
	return func(r clawhqtest.Request) bool {
		for _, meets := range conditions {
			if !meets(r) {
				return false
			}
		}
		return true
	}, nil
}

// statusOf returns the status in a query: an HTTP status, or 0 for requests without a
// reply.
func statusOf(query url.Values) (int, error) {
	status, err := number(query, "status", 0, 599, 0)
	if err == nil && 0 < status && status < 100 {
		err = fmt.Errorf("status %d: it must be 0, for no reply, or from 100 to 599", status)
	}
	return status, err
}

// oneOf returns an error if the list does not have the value.
func oneOf(field, value string, list []string) error {
	if !slices.Contains(list, value) {
		return fmt.Errorf("%s: unknown %q: it must be one of %s", field, value, strings.Join(list, ", "))
	}
	return nil
}

// number returns a number in a query, or absent if it is not there.
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

// maxShown bounds the number of requests or deliveries in a reply.
const maxShown = 1000

// requests shows the journal: the latest maxShown requests, or fewer.
func (c *Control) requests(r *http.Request) (any, error) {
	query := r.URL.Query()
	matches, err := c.filter(query)
	if err != nil {
		return nil, err
	}
	limit, err := number(query, "limit", 1, maxShown, maxShown)
	if err != nil {
		return nil, err
	}
	found, total := c.server.LatestRequests(limit, matches)
	return show(found, total), nil
}

func show(found []clawhqtest.Request, total int) journal {
	j := journal{Requests: make([]request, 0, len(found)), Total: total}
	for _, r := range found {
		shown := request{
			summary: summarize(r), Headers: r.Header, Body: string(r.Body), Omitted: r.Omitted,
			ReplyHeaders: r.ReplyHeader, Reply: string(r.Reply), ReplyOmitted: r.ReplyOmitted,
		}
		for _, t := range r.ReplyTimes {
			shown.ReplyTimesMS = append(shown.ReplyTimesMS, milliseconds(t))
		}
		j.Requests = append(j.Requests, shown)
	}
	return j
}

func summarize(r clawhqtest.Request) summary {
	return summary{
		Time: r.Time.UTC(), DurationMS: milliseconds(r.Duration), Method: r.Method, Path: r.Path, Query: r.Query, Status: r.Status,
		RequestID: r.RequestID, KeyID: r.KeyID, Agent: r.Agent, Fault: r.Fault, Error: r.Err,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (c *Control) clearRequests(*http.Request) (any, error) {
	c.server.ClearRequests()
	return show(nil, 0), nil
}

// Bounds on waits, in real time.
const (
	defaultWait = 10 * time.Second
	maxWait     = 5 * time.Minute
)

// wait waits until there are as many requests or deliveries as the query's count
// says. It returns a failure if its timeout ends first. what names them in the error.
func wait[T any](r *http.Request, what string, wait func(ctx context.Context, count int) ([]T, error)) ([]T, error) {
	query := r.URL.Query()
	count, err := number(query, "count", 1, maxShown, 1)
	if err != nil {
		return nil, err
	}
	timeout := defaultWait
	if text := query.Get("timeout"); query.Has("timeout") {
		if timeout, err = time.ParseDuration(text); err != nil || timeout <= 0 || timeout > maxWait {
			return nil, fmt.Errorf("timeout %q: it must be a duration up to %v, for example 10s", text, maxWait)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, err := wait(ctx, count)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, failure{http.StatusGatewayTimeout, fmt.Errorf("%d of %d %s came in %v", len(found), count, what, timeout)}
	}
	if err != nil {
		err = Unavailable(errors.New("the server is shutting down"))
	}
	return found, err
}

// waitRequests waits for requests that match.
func (c *Control) waitRequests(r *http.Request) (any, error) {
	matches, err := c.filter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	found, err := wait(r, "requests", func(ctx context.Context, count int) ([]clawhqtest.Request, error) {
		return c.server.WaitRequests(ctx, count, matches)
	})
	return show(latest(found, maxShown), len(found)), err
}

// latest returns the last n elements of a list, or all if there are fewer.
func latest[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }

// delivery is an attempt to deliver an event or a batch's callback.
type delivery struct {
	Time      time.Time   `json:"time"`
	WebhookID string      `json:"webhook_id,omitempty"`
	ID        string      `json:"id,omitempty"`
	Event     string      `json:"event,omitempty"`
	Attempt   int         `json:"attempt"`
	URL       string      `json:"url"`
	Headers   http.Header `json:"headers"`
	Body      string      `json:"body"`
	Status    int         `json:"status"` // 0 if there is no reply
	Reply     string      `json:"reply"`
	LatencyMS float64     `json:"latency_ms"`
	Error     string      `json:"error,omitempty"`
}

// deliveryFilter returns a function that reports whether a delivery passes the
// filters of a query.
func (c *Control) deliveryFilter(query url.Values) (func(clawhqtest.Delivery) bool, error) {
	status, err := statusOf(query)
	if err != nil {
		return nil, err
	}
	attempt, err := number(query, "attempt", 0, maxNth, 0)
	if err != nil {
		return nil, err
	}
	if query.Has("event") {
		if err := oneOf("event", query.Get("event"), append([]string{wire.EventTest}, c.config.Events...)); err != nil {
			return nil, err
		}
	}
	return func(d clawhqtest.Delivery) bool {
		return (!query.Has("event") || query.Get("event") == string(d.Event)) && (!query.Has("webhook") || query.Get("webhook") == d.WebhookID) &&
			(!query.Has("status") || status == d.Status) && (!query.Has("attempt") || attempt == d.Attempt)
	}, nil
}

// deliveries is a reply with deliveries, oldest first.
type deliveries struct {
	Deliveries []delivery `json:"deliveries"`
}

func showDeliveries(sent []clawhqtest.Delivery) deliveries {
	list := make([]delivery, 0, len(sent))
	for _, d := range sent {
		list = append(list, delivery{
			Time: d.Time.UTC(), WebhookID: d.WebhookID, ID: d.ID, Event: string(d.Event), Attempt: d.Attempt, URL: d.URL, Headers: d.Header, Body: string(d.Body),
			Status: d.Status, Reply: string(d.Reply), LatencyMS: float64(d.Latency) / float64(time.Millisecond), Error: d.Err,
		})
	}
	return deliveries{list}
}

// listDeliveries shows the latest deliveries and callbacks.
func (c *Control) listDeliveries(r *http.Request) (any, error) {
	query := r.URL.Query()
	matches, err := c.deliveryFilter(query)
	if err != nil {
		return nil, err
	}
	limit, err := number(query, "limit", 1, maxShown, maxShown)
	if err != nil {
		return nil, err
	}
	sent := slices.DeleteFunc(c.server.Deliveries(), func(d clawhqtest.Delivery) bool { return !matches(d) })
	return showDeliveries(latest(sent, limit)), nil
}

// waitDeliveries waits for deliveries that match.
func (c *Control) waitDeliveries(r *http.Request) (any, error) {
	matches, err := c.deliveryFilter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	found, err := wait(r, "deliveries", func(ctx context.Context, count int) ([]clawhqtest.Delivery, error) {
		return c.server.WaitDeliveries(ctx, count, matches)
	})
	return showDeliveries(latest(found, maxShown)), err
}
