package clawhq_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
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
	once := func(lie func(map[string]any) bool) func(map[string]any) { // lies until it has
		done := false
		return func(r map[string]any) { done = done || lie(r) }
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
			want: []string{"a", "b", "3", "4", "c", "d", "e", "1", "2"}, asked: []string{"2@", "2@2", "2@4", "2@6", "2@8", "2@", "2@2", "2@4", "2@6", "2@8"}},
		"seen one goes": {shelf: shelf{rows: abcde, change: remove(0, 1)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@1", "2@3", "2@", "2@2"}},
		"both seen go":  {shelf: shelf{rows: abcde[:4], change: remove(0, 2)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:4], asked: []string{"2@", "2@2", "2@"}},
		"next one goes": {shelf: shelf{rows: abcde, change: remove(2, 3)}, opts: clawhq.ListOptions{Limit: 2}, want: []string{"a", "b", "d", "e"}, asked: []string{"2@", "2@2", "2@1", "2@3", "2@", "2@2"}},
		"next one to the front": {shelf: shelf{rows: abcde, change: move(3)}, opts: clawhq.ListOptions{Limit: 2},
			want: []string{"a", "b", "c", "e", "d"}, asked: []string{"2@", "2@2", "2@4", "2@", "2@2", "2@4"}},
		"next one to the front, seen one goes": {shelf: shelf{rows: abcde, change: func(s *shelf, n int) {
			if n == 1 {
				s.rows = []string{"d", "b", "c", "e"}
			}
		}}, opts: clawhq.ListOptions{Limit: 2}, want: []string{"a", "b", "c", "e", "d"}, asked: []string{"2@", "2@2", "2@1", "2@3", "2@", "2@2"}},
		"seen one to the front": {shelf: shelf{rows: abcde, change: move(1)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"fewer than the offset are left": {shelf: shelf{rows: abcde, change: remove(0, 4)}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:2],
			asked: []string{"2@", "2@2"}, err: "500 internal_error"},

		"always has more": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["has_more"] = true }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"never has more": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["has_more"] = false }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
		"more in total than there are": {shelf: shelf{rows: abcde[:2], lie: func(r map[string]any) { r["total"] = 100 }},
			want: abcde[:2], asked: []string{"@", "@2", "@", "@2"}, err: "clawhq: list could not be read to its end: the page at offset 2 is empty, although there are more rows"},
		"empty first page": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["agents"] = []any{} }},
			asked: []string{"@"}, err: "clawhq: list could not be read to its end: the page at offset 0 is empty, although there are more rows"},
		"empty middle page": {shelf: shelf{rows: abcde, lie: func(r map[string]any) {
			if rows := r["agents"].([]map[string]any); len(rows) > 0 && rows[0]["id"] == "c" {
				r["agents"] = []any{}
			}
		}}, opts: clawhq.ListOptions{Limit: 2}, want: abcde[:2], asked: []string{"2@", "2@2", "2@", "2@2"},
			err: "clawhq: list could not be read to its end: the page at offset 2 is empty, although there are more rows"},
		"empty middle page, once": {shelf: shelf{rows: abcde, lie: once(func(r map[string]any) bool {
			rows := r["agents"].([]map[string]any)
			if rows[0]["id"] != "c" {
				return false
			}
			r["agents"] = []any{}
			return true
		})}, opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@", "2@2", "2@4"}},
		"empty page without a total": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["total"], r["has_more"] = -1, true }},
			opts: clawhq.ListOptions{Limit: 5}, want: abcde, asked: []string{"5@", "5@5", "5@", "5@5"},
			err: "clawhq: list could not be read to its end: the page at offset 5 is empty, although there are more rows"},
		"offset ignored": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["agents"] = []map[string]any{{"id": "a"}, {"id": "b"}} }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde[:2], asked: []string{"2@", "2@2", "2@4", "2@", "2@2", "2@4", "2@", "2@2", "2@4", "2@", "2@2", "2@4", "2@", "2@2", "2@4"},
			err: "clawhq: list could not be read to its end: 2 rows were found, 5 were expected"},
		"no total but -1": {shelf: shelf{rows: abcde, lie: func(r map[string]any) { r["total"] = -1 }},
			opts: clawhq.ListOptions{Limit: 2}, want: abcde, asked: []string{"2@", "2@2", "2@4"}},
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

// A loop over a list in which rows are added, moved to the front and removed while
// it is read hands out no row twice, and every row that was there all the time. The
// list changes during the first requests only: then there is no error, except the
// live service's for a page past the end.
func TestAllOfAChangingList(t *testing.T) {
	t.Parallel()
	pastEnd := errors.New("500")
	failed, unseen := 0, 0
	const runs = 20_000
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		var rows []int
		for i := range r.IntN(25) {
			rows = append(rows, i)
		}
		always, next := slices.Clone(rows), len(rows)
		live, most, quiet := r.IntN(2) == 0, 1+r.IntN(3), r.IntN(8)
		asked, told, first, total, grows := 0, 0, -1, -1, true
		list := func(o clawhq.ListOptions) (*clawhq.Page[int], error) {
			if asked++; asked > 1 && asked < quiet {
				for range r.IntN(most + 1) {
					switch from := r.IntN(len(rows) + 1); {
					case from == len(rows) || r.IntN(3) == 0:
						rows = slices.Insert(rows, 0, next)
						next++
					case r.IntN(2) == 0:
						row := rows[from]
						rows = slices.Insert(slices.Delete(rows, from, from+1), 0, row)
					default:
						always = slices.DeleteFunc(always, func(row int) bool { return row == rows[from] })
						rows = slices.Delete(rows, from, from+1)
					}
				}
			}
			if live && o.Offset > len(rows) {
				return nil, pastEnd
			}
			page := rows[min(o.Offset, len(rows)):min(o.Offset+o.Limit, len(rows))]
			told += len(page)
			grows = grows && len(rows) >= total
			if total = len(rows); first < 0 {
				first = total
			}
			return &clawhq.Page[int]{Items: slices.Clone(page), Total: len(rows), HasMore: o.Offset+len(page) < len(rows)}, nil
		}
		got := map[int]bool{}
		var err error
		var row int
		for row, err = range clawhq.All(clawhq.ListOptions{Limit: 1 + r.IntN(6)}, strconv.Itoa, list) {
			if err == nil && got[row] {
				t.Fatalf("seed %d: row %d twice", seed, row)
			}
			got[row] = true
		}
		switch {
		case err == pastEnd:
			failed++
		case err != nil:
			t.Fatalf("seed %d: %v", seed, err)
		case !slices.ContainsFunc(always, func(row int) bool { return !got[row] }):
		case grows && len(got) == first && told == total: // the pages are those of a list in which rows only arrive
			unseen++
		default:
			t.Fatalf("seed %d: of the rows %v that were there all the time, got %v", seed, always, got)
		}
	}
	if failed > runs/20 || unseen > runs/1000 {
		t.Errorf("%d of %d runs met a page past the end, and in %d the changes left no trace", failed, runs, unseen)
	}
}

// A loop may remove rows that it was handed: all of them, or some.
func TestAllWhileRowsAreRemoved(t *testing.T) {
	t.Parallel()
	for _, every := range []int{1, 2, 5} {
		var rows, want, got []int
		for i := range 200 {
			rows = append(rows, i)
		}
		want = slices.Clone(rows)
		asked := 0
		list := func(o clawhq.ListOptions) (*clawhq.Page[int], error) {
			asked++
			page := slices.Clone(rows[min(o.Offset, len(rows)):min(o.Offset+o.Limit, len(rows))])
			return &clawhq.Page[int]{Items: page, Total: len(rows)}, nil
		}
		for row, err := range clawhq.All(clawhq.ListOptions{Limit: 10}, strconv.Itoa, list) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, row)
			if row%every == 0 {
				rows = slices.DeleteFunc(rows, func(r int) bool { return r == row })
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("every %d. removed (-want +got):\n%s", every, diff)
		}
		if asked > 70 { // once to see the list become shorter, once from there, and another pass
			t.Errorf("every %d. removed: %d requests", every, asked)
		}
	}
}

// A list that never rests is an error in the end, not a part of it.
func TestAllOfARestlessList(t *testing.T) {
	t.Parallel()
	rows := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	asked := 0
	list := func(o clawhq.ListOptions) (*clawhq.Page[int], error) {
		asked++
		page := slices.Clone(rows[o.Offset:min(o.Offset+o.Limit, len(rows))])
		rows = append([]int{rows[9]}, rows[:9]...) // the last row moves to the front
		return &clawhq.Page[int]{Items: page, Total: len(rows)}, nil
	}
	var err error
	for _, err = range clawhq.All(clawhq.ListOptions{Limit: 2}, strconv.Itoa, list) {
	}
	wantErrorText(t, err, "clawhq: list could not be read to its end: 6 rows were found, 10 were expected")
	if asked != 6*5 {
		t.Errorf("%d requests", asked)
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
