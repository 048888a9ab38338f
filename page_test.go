package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// A shelf is a list of agents that changes between requests. It answers as the
// live service does: a page past the end is a 500.
type shelf struct {
	rows   []string
	asked  []string              // limit and offset of each request
	change func(s *shelf, n int) // called after the n-th request, counted from 1
	lie    func(reply map[string]any)
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	s.asked = append(s.asked, q.Get("limit")+"@"+q.Get("offset"))
	limit, offset := 20, 0
	if q.Has("limit") {
		limit, _ = strconv.Atoi(q.Get("limit"))
	}
	offset, _ = strconv.Atoi(q.Get("offset"))
	if offset > len(s.rows) {
		return testkit.Reply(500, `{"error":{"code":"internal_error","message":"Failed to fetch agents","type":"api_error","request_id":"req_1"}}`), nil
	}
	agents := []map[string]any{}
	for _, id := range s.rows[offset:min(offset+limit, len(s.rows))] {
		agents = append(agents, map[string]any{"id": id})
	}
	body := map[string]any{"agents": agents, "total": len(s.rows), "has_more": offset+len(agents) < len(s.rows)}
	if s.lie != nil {
		s.lie(body)
	}
	text, err := json.Marshal(body)
	if s.change != nil {
		s.change(s, len(s.asked))
	}
	return testkit.Reply(200, string(text)), err
}

func (s *shelf) client(t *testing.T) *clawhq.Client {
	t.Helper()
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), clawhq.WithHTTPClient(&http.Client{Transport: s}),
		testkit.OneAttempt)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAll(t *testing.T) {
	t.Parallel()
	move := func(from int) func(*shelf, int) { // moves a row to the front after the first request
		return func(s *shelf, n int) {
			if n == 1 {
				row := s.rows[from]
				s.rows = slices.Insert(slices.Delete(s.rows, from, from+1), 0, row)
			}
		}
	}
	remove := func(from, to int) func(*shelf, int) {
		return func(s *shelf, n int) {
			if n == 1 {
				s.rows = slices.Delete(s.rows, from, to)
			}
		}
	}
	insert := func(rows ...string) func(*shelf, int) {
		return func(s *shelf, n int) {
			if n == 1 {
				s.rows = slices.Insert(s.rows, 0, rows...)
			}
		}
	}
	abcde := []string{"a", "b", "c", "d", "e"}
	for name, tc := range map[string]struct {
		shelf shelf
		opts  clawhq.ListOptions
		want  []string
		asked []string
		err   string
	}{
		"pages":          {shelf: shelf{rows: abcde}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"full last page": {shelf: shelf{rows: abcde[:4]}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:4], asked: []string{"2@", "2@2"}},
		"default limit":  {shelf: shelf{rows: abcde}, want: abcde, asked: []string{"@"}},
		"from an offset": {shelf: shelf{rows: abcde}, opts: clawhq.ListOptions{Limit: 2, Offset: 3}, want: abcde[3:], asked: []string{"2@3"}},
		"from the end":   {shelf: shelf{rows: abcde}, opts: clawhq.ListOptions{Offset: 5}, asked: []string{"@5"}},
		"past the end":   {shelf: shelf{rows: abcde}, opts: clawhq.ListOptions{Offset: 6}, asked: []string{"@6"}, err: "500 internal_error"},
		"empty":          {shelf: shelf{}, asked: []string{"@"}},
		"bad limit":      {shelf: shelf{rows: abcde}, opts: clawhq.ListOptions{Limit: 101}, err: "limit is 101, and must be 1 to 100"},

		"one arrives": {shelf: shelf{rows: abcde, change: insert("new")}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"many arrive": {shelf: shelf{rows: abcde, change: insert("1", "2", "3", "4")}, opts: clawhq.ListOptions{Limit: 2},
			want: []string{"a", "b", "3", "4", "c", "d", "e"}, asked: []string{"2@", "2@2", "2@4", "2@6", "2@8"}},
		"seen one goes": {shelf: shelf{rows: abcde, change: remove(0, 1)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@1", "2@3"}},
		"both seen go":  {shelf: shelf{rows: abcde[:4], change: remove(0, 2)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:4], asked: []string{"2@", "2@2", "2@"}},
		"next one goes": {shelf: shelf{rows: abcde, change: remove(2, 3)}, opts: clawhq.ListOptions{Limit: 2}, want: []string{"a", "b", "d", "e"}, asked: []string{"2@", "2@2", "2@1", "2@3"}},
		"next one to the front": {shelf: shelf{rows: abcde, change: move(3)}, opts: clawhq.ListOptions{Limit: 2},
			want: []string{"a", "b", "c", "e", "d"}, asked: []string{"2@", "2@2", "2@4", "2@"}},
		"seen one to the front": {shelf: shelf{rows: abcde, change: move(1)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"fewer than the offset are left": {shelf: shelf{rows: abcde, change: remove(0, 4)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:2],
			asked: []string{"2@", "2@2"}, err: "500 internal_error"},

		"always has more": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["has_more"] = true }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"never has more": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["has_more"] = false }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"more in total than there are": {shelf: shelf{rows: abcde[:2], lie: func(r map[string]any) { r["total"] = 100 }},
			want: abcde[:2], asked: []string{"@", "@2"}},
		"no total": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { delete(r, "total") }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"the same page for ever": {shelf: shelf{rows: abcde[:1], lie: func(r map[string]any) {
			r["agents"], r["total"], r["has_more"] = []map[string]any{{"id": "a"}}, 1_000_000, true
		}, change: func(s *shelf, n int) { s.rows = append(s.rows, "x") }}, want: abcde[:1],
			asked: []string{"@", "@1", "@2", "@3", "@4", "@5", "@6", "@7", "@8", "@9", "@10"},
			err:   "clawhq: list could not be read to its end: the last 10 pages had no new row"},
		"the same page for ever, without a total": {shelf: shelf{rows: abcde, lie: func(r map[string]any) {
			delete(r, "total")
			r["agents"], r["has_more"] = []map[string]any{{"id": "a"}}, true
		}, change: func(s *shelf, n int) { s.rows = append(s.rows, "x") }}, want: abcde[:1],
			asked: []string{"@", "@1", "@2", "@3", "@4", "@5", "@6", "@7", "@8", "@9", "@10"},
			err:   "clawhq: list could not be read to its end: the last 10 pages had no new row"},
		"rows without an id": {shelf: shelf{rows: []string{"", "", "a", ""}}, opts: clawhq.ListOptions{Limit: 2}, want: []string{"", "", "a", ""}, asked: []string{"2@", "2@2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.shelf
			s.rows = slices.Clone(s.rows)
			var got []string
			var failed error
			for agent, err := range s.client(t).Agents.All(t.Context(), tc.opts) {
				if failed != nil {
					t.Errorf("went on after an error with %+v, %v", agent, err)
				}
				if failed = err; err == nil {
					got = append(got, agent.ID)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.asked, s.asked); diff != "" {
				t.Errorf("pages asked for (-want +got):\n%s", diff)
			}
			wantErrorText(t, failed, tc.err)
		})
	}
}

// All requests no page before the loop begins, after an error, or beyond what the
// loop needs. A sequence can be ranged over again.
func TestAllAsTheLoopGoes(t *testing.T) {
	t.Parallel()
	s := &shelf{rows: []string{"a", "b", "c", "d", "e"}}
	seq := s.client(t).Agents.All(t.Context(), clawhq.ListOptions{Limit: 2})
	if len(s.asked) != 0 {
		t.Errorf("asked for %q before the loop", s.asked)
	}
	for range 2 {
		for agent, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if agent.ID == "c" {
				break
			}
		}
	}
	if diff := cmp.Diff([]string{"2@", "2@2", "2@", "2@2"}, s.asked); diff != "" {
		t.Errorf("pages asked for (-want +got):\n%s", diff)
	}

	broken := errors.New("cable is cut")
	n := 0
	client, err := clawhq.NewClient(clawhq.WithAPIKey(testkit.Key), testkit.OneAttempt,
		clawhq.WithHTTPClient(&http.Client{Transport: testkit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
			if n++; n == 2 {
				return nil, broken
			}
			return s.RoundTrip(r)
		})}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for agent, err := range client.Agents.All(t.Context(), clawhq.ListOptions{Limit: 2}) {
		got = append(got, fmt.Sprint(agent.ID, errors.Is(err, broken)))
	}
	if diff := cmp.Diff([]string{"afalse", "bfalse", "true"}, got); diff != "" || n != 2 {
		t.Errorf("%d requests, rows and errors (-want +got):\n%s", n, diff)
	}
}

// collect reads a list to its end.
func collect[T any](t *testing.T, list iter.Seq2[T, error]) (rows []T) {
	t.Helper()
	for row, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestPagesRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	wantRefusals(t, map[string]refusalCase{
		"agents, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Limit: 101})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is 101, and must be 1 to 100, or 0 for the default"}},
		"agents, negative limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Limit: -1})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "limit", "/v1/agents", "limit is -1, and must be 1 to 100, or 0 for the default"}},
		"agents, offset": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Agents.List(ctx, clawhq.ListOptions{Offset: -1})
			return err
		},
			refusal{clawhq.CodeInvalidParameter, "offset", "/v1/agents", "offset is -1, and must not be negative"}},
		"messages, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Conversations.Messages(ctx, "c1", clawhq.ListOptions{Limit: 201})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/conversations/c1/messages", "limit is 201, and must be 1 to 200, or 0 for the default"}},
		"audit log, limit": {func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: clawhq.ListOptions{Limit: 101}})
			return err
		}, refusal{clawhq.CodeInvalidParameter, "limit", "/v1/audit-log", "limit is 101, and must be 1 to 100, or 0 for the default"}},
	})
}
