package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A drift calls a service, and reports where its replies are not as the document has
// them.
type drift struct {
	document   *spec.Document
	documented bool // whether an x-live counts as a difference
	base       string
	key        string
	client     *http.Client
	report     Report

	called map[string]bool // operations
}

// A call is a request of one operation.
type call struct {
	op     *spec.Operation
	name   string // which of its calls, for the report
	path   string // with its parameters
	query  url.Values
	body   string
	noKey  bool
	status int // that has to come
}

// lists says for an operation on one thing which list has its id, and where.
var lists = map[string]struct{ path, rows, id string }{
	"/v1/agents/{id}":                 {"/v1/agents", "agents", "id"},
	"/v1/conversations/{id}/messages": {"/v1/conversations", "conversations", "id"},
	"/v1/threads/{id}":                {"/v1/threads", "threads", "id"},
	"/v1/threads/{id}/messages":       {"/v1/threads", "threads", "id"},
	"/v1/files/{id}":                  {"/v1/files", "files", "file_id"},
}

// nobodys is an id that does not exist.
const nobodys = "00000000-0000-4000-8000-00000000dead"

// read makes the calls that change nothing.
func (d *drift) read(ctx context.Context) {
	first := map[string]string{} // ids by path of an operation
	operations := d.operations("GET")
	for _, op := range operations {
		if strings.Contains(op.Path, "{") {
			continue
		}
		reply := d.send(ctx, call{op: op, path: op.Path, status: http.StatusOK})
		for path, list := range lists {
			if list.path == op.Path {
				first[path] = firstID(reply, list.rows, list.id)
			}
		}
		d.page(ctx, op, op.Path)
	}
	for _, op := range operations {
		before, after, ok := strings.Cut(op.Path, "{id}")
		if !ok {
			continue
		}
		d.send(ctx, call{op: op, name: "an id that does not exist", path: before + nobodys + after, status: http.StatusNotFound})
		if id := first[op.Path]; id != "" {
			path := before + url.PathEscape(id) + after
			d.send(ctx, call{op: op, path: path, status: http.StatusOK})
			d.page(ctx, op, path)
		} else if _, ok := lists[op.Path]; ok {
			d.gap(op, "no list has an id for it")
		}
	}
	if len(operations) > 0 {
		d.send(ctx, call{op: operations[0], name: "without a key", path: operations[0].Path, noKey: true, status: http.StatusUnauthorized})
	}
}

// page asks for one row of a list, and for the row after it.
func (d *drift) page(ctx context.Context, op *spec.Operation, path string) {
	if slices.Contains(op.Query(), "limit") {
		reply := d.send(ctx, call{op: op, name: "limit=1", path: path, query: url.Values{"limit": {"1"}}, status: http.StatusOK})
		if bytes.Contains(reply, []byte(`"has_more":true`)) || bytes.Contains(reply, []byte(`"has_more": true`)) {
			d.send(ctx, call{op: op, name: "limit=1, offset=1", path: path, query: url.Values{"limit": {"1"}, "offset": {"1"}}, status: http.StatusOK})
		}
	}
}

// A chat is a call that an agent answers, and the operation that reads what it has made,
// by the id in a member of the reply.
type chat struct {
	path, name, body string
	status           int
	get, id          string
}

var chats = []chat{
	{"/v1/chat", "", `{"message":"Say hello."}`, http.StatusOK, "", ""},
	{"/v1/chat", "stream", `{"message":"Say hello.","stream":true}`, http.StatusOK, "", ""},
	{"/v1/chat/batch", "", `{"requests":[{"custom_id":"1","message":"Say hello."}]}`, http.StatusOK, "/v1/chat/batch/{id}", "batch_id"},
	{"/v1/predictions", "", `{}`, http.StatusBadRequest, "", ""}, // the service has none yet
}

// chat makes the calls that agents answer.
func (d *drift) chat(ctx context.Context) {
	for _, c := range chats {
		reply := d.send(ctx, call{op: d.find("POST", c.path), name: c.name, path: c.path, body: c.body, status: c.status})
		var made map[string]any
		if c.get == "" || json.Unmarshal(reply, &made) != nil {
			continue
		}
		if id, _ := made[c.id].(string); id != "" {
			d.send(ctx, call{op: d.find("GET", c.get), path: strings.Replace(c.get, "{id}", url.PathEscape(id), 1), status: http.StatusOK})
		}
	}
}

// operations returns those with a method that a key may call.
func (d *drift) operations(method string) (all []*spec.Operation) {
	for _, op := range d.document.Documented().Operations() {
		if op.Method == method && strings.HasPrefix(op.Path, "/v1/") {
			all = append(all, op)
		}
	}
	return all
}

// find returns an operation that the document has.
func (d *drift) find(method, path string) *spec.Operation {
	all := d.operations(method)
	return all[slices.IndexFunc(all, func(op *spec.Operation) bool { return op.Path == path })]
}

// leaveOut reports the operations that were not to be called.
func (d *drift) leaveOut(chat bool) {
	for _, op := range d.document.Documented().Operations() {
		reason := ""
		switch {
		case d.called[op.String()] || slices.ContainsFunc(d.report.NotTried, func(g Gap) bool { return g.Operation == op.String() }):
			continue
		case !strings.HasPrefix(op.Path, "/v1/"):
			reason = "wants a session of the dashboard"
		case isChat(op) && !chat:
			reason = "only with -chat"
		default:
			reason = "changes the account"
		}
		d.report.LeftOut = append(d.report.LeftOut, Gap{op.String(), reason})
	}
}

// isChat reports whether chat calls an operation.
func isChat(op *spec.Operation) bool {
	return op.Method == http.MethodPost && slices.ContainsFunc(chats, func(c chat) bool { return c.path == op.Path })
}

func (d *drift) gap(op *spec.Operation, reason string) {
	known := func(g Gap) bool { return g.Operation == op.String() }
	if !slices.ContainsFunc(d.report.NotTried, known) { // the first reason is behind the others
		d.report.NotTried = append(d.report.NotTried, Gap{op.String(), reason})
	}
}

// tries is how often a call is made that the rate limit refuses.
const tries = 3

// send makes a call, checks it, and returns the body of the reply if it is the one that
// has to come.
func (d *drift) send(ctx context.Context, c call) []byte {
	for try := 1; ; try++ {
		x, err := d.exchange(ctx, c)
		if err != nil {
			if outer := (*url.Error)(nil); errors.As(err, &outer) {
				err = outer.Err // without the URL, which the operation tells
			}
			d.gap(c.op, err.Error())
			return nil
		}
		d.check(c, x)
		limited := x.Status == http.StatusTooManyRequests
		switch {
		case x.Status == c.status:
			return x.Reply
		case limited && try < tries && wait(ctx, x.ReplyHeader) == nil:
		case !d.document.Names(x):
			return nil // reported as a difference
		case !c.noKey && (limited || x.Status == http.StatusUnauthorized || x.Status == http.StatusForbidden || x.Status >= 500):
			d.gap(c.op, "answered "+strconv.Itoa(x.Status)+" "+code(x.Reply))
			return nil
		default:
			d.differ(c, x.Status, otherStatus(c, x))
			return nil
		}
	}
}

// wait waits until the rate limit has room again: as long as the reply asks for, and a
// minute if that is no time to wait for.
func wait(ctx context.Context, header http.Header) error {
	pause := time.Minute
	if seconds, err := strconv.Atoi(header.Get(wire.HeaderRetryAfter)); err == nil && seconds > 0 && seconds < 60 {
		pause = time.Duration(seconds) * time.Second
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *drift) check(c call, x spec.Exchange) {
	if d.called == nil {
		d.called = map[string]bool{}
	}
	d.report.Calls++
	if !d.called[c.op.String()] {
		d.called[c.op.String()] = true
		d.report.Operations++
	}
	if !d.document.Names(x) {
		d.differ(c, x.Status, otherStatus(c, x))
		return
	}
	problems, how := d.document.CheckReply(x)
	if d.documented && how != spec.Documented {
		problems = d.document.CheckDocumented(x)
	}
	for _, p := range problems {
		d.differ(c, x.Status, p)
	}
}

func otherStatus(c call, x spec.Exchange) spec.Problem {
	return spec.Problem{Kind: spec.KindStatus, At: "status", Want: strconv.Itoa(c.status), Got: strconv.Itoa(x.Status)}
}

func (d *drift) differ(c call, status int, p spec.Problem) {
	d.report.add(Difference{Operation: c.op.String(), Call: c.name, Status: status, Problem: p})
}

// maxReply is the most that is read of a reply.
const maxReply = 64 << 20

func (d *drift) exchange(ctx context.Context, c call) (x spec.Exchange, err error) {
	u := c.path
	if len(c.query) > 0 {
		u += "?" + c.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, c.op.Method, d.base+u, strings.NewReader(c.body))
	if err != nil {
		return x, err
	}
	r.Header.Set("User-Agent", "clawhq-go-contract")
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if !c.noKey {
		r.Header.Set("Authorization", "Bearer "+d.key)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		return x, err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return x, fmt.Errorf("reading the reply: %w", err)
	}
	return spec.Exchange{Method: c.op.Method, URL: d.document.Documented().Base() + u, Header: r.Header, Body: []byte(c.body),
		Status: resp.StatusCode, ReplyHeader: resp.Header, Reply: reply}, nil
}

// firstID returns the id of a list's first row, or nothing.
func firstID(reply []byte, rows, id string) string {
	var whole map[string]any
	if json.Unmarshal(reply, &whole) != nil {
		return ""
	}
	list, _ := whole[rows].([]any)
	if len(list) == 0 {
		return ""
	}
	row, _ := list[0].(map[string]any)
	text, _ := row[id].(string)
	return text
}

// code returns the code of an error.
func code(reply []byte) string {
	var e struct{ Error struct{ Code string } }
	if json.Unmarshal(reply, &e) != nil {
		return ""
	}
	return e.Error.Code
}
