package clawhq

import (
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ListOptions selects a page of a list.
//
// The methods named All return an iterator over a whole list. Rows may be added
// and removed while the loop runs, which moves the rows after them. An iterator
// never hands out a row twice, and requests the list again to find rows that
// were moved: if a loop ends without an error, it has had every row that was in
// the list all the time, as far as the pages can show. The first error ends the loop, and comes with its last
// pair. There is one for a list that cannot be read to its end: if a page is
// empty although there are more, if pages have no new rows, if there are fewer
// rows than the list's total, or if the list changes faster than it can be read.
type ListOptions struct {
	// Limit is how many rows a page may have, from 1 to the maximum that the
	// List method documents. 0 means the default of the service. Other values
	// are refused with an InvalidRequestError before anything is sent.
	Limit int

	// Offset is how many rows of the list to skip. It must not be negative.
	// According to the documentation, a page past the end of the list is
	// empty; the live service answers with status 500.
	Offset int
}

// Page is a part of a list.
type Page[T any] struct {
	Items   []T
	Total   int  // how many rows the whole list has
	HasMore bool // whether there are rows after these
}

// query returns the options as parameters, or the reason why they are refused.
// The service would not refuse them, but silently use other values.
func (o ListOptions) query(e wire.Endpoint) (url.Values, *InvalidRequestError) {
	q := url.Values{}
	if o.Limit != 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Offset != 0 {
		q.Set("offset", strconv.Itoa(o.Offset))
	}
	switch {
	case o.Limit < 0 || o.Limit > e.Page.Most:
		return q, invalid(CodeInvalidParameter, "limit", "limit is %d, and must be 1 to %d, or 0 for the default", o.Limit, e.Page.Most)
	case o.Offset < 0:
		return q, invalid(CodeInvalidParameter, "offset", "offset is %d, and must not be negative", o.Offset)
	}
	return q, nil
}

// page returns the request for a page of a list.
func page(e wire.Endpoint, o ListOptions, ids ...string) request {
	r := to(e, ids...)
	query, refused := o.query(e)
	r.query = query
	return r.unless(refused)
}

// filter adds a parameter that selects rows, unless its value is empty.
func (r *request) filter(name, value string) {
	if value != "" {
		r.query.Set(name, value)
	}
}

// pageOf returns the page in a reply.
func pageOf[W, T any](p wire.Paging, rows []W, decode func(W) T) *Page[T] {
	return &Page[T]{Items: each(rows, decode), Total: p.Total, HasMore: p.HasMore}
}

// each decodes the rows of a list.
func each[W, T any](rows []W, decode func(W) T) []T {
	items := make([]T, len(rows))
	for i, row := range rows {
		items[i] = decode(row)
	}
	return items
}

const (
	// maxStalePages is how many pages in a row may have no new row, as happens
	// after many rows were added at once. It ends the reading of a list that would
	// never end.
	maxStalePages = 10

	// maxIdlePasses is how often a list that keeps changing is read without finding
	// a new row.
	maxIdlePasses = 4
)

// all reads a list from start on, page by page as the loop proceeds.
//
// Rows that are added and removed meanwhile move the rows after them, which may
// then appear on two pages or on none. A row that appears again is dropped. When
// the list has become shorter, the page is requested again from that many rows
// earlier, so that no row slips past. Rows that were moved to the front are looked
// for by another pass over the list, unless the last one has seen them all: as many
// rows as the list had when the pass began, none of which was removed or arrived
// meanwhile.
//
// opts are passed to list as they are now, whatever the caller does to them later.
func all[T any](start ListOptions, opts []CallOption, id func(T) string, list func(ListOptions, []CallOption) (*Page[T], error)) iter.Seq2[T, error] {
	opts = slices.Clone(opts)
	return func(yield func(T, error) bool) {
		r := listReader[T]{start: start, opts: opts, id: id, list: list, yield: yield, seen: map[string]sighting{}}
		for idle := 0; ; idle++ {
			p, err := r.pass()
			if p.fresh {
				idle = 0
			}
			if err == nil && !p.whole && (p.hopeless || !p.fresh && !p.changed || idle == maxIdlePasses) {
				err = fmt.Errorf("clawhq: list could not be read to its end: %s", p.missing)
			}
			if err != nil && err != errLoopEnded {
				var none T
				yield(none, err)
			}
			if p.whole || err != nil {
				return
			}
		}
	}
}

// A listReader reads a list in passes.
type listReader[T any] struct {
	start  ListOptions
	opts   []CallOption
	id     func(T) string
	list   func(ListOptions, []CallOption) (*Page[T], error)
	yield  func(T, error) bool
	passes int
	seen   map[string]sighting // where each row was seen last
}

// A sighting is a pass, counted from 1, and the number of the row in it.
type sighting struct{ pass, row int }

// A listPass is what a pass has found.
type listPass struct {
	whole   bool // it saw all rows that the list had when the pass began
	fresh   bool // it has handed out rows
	changed bool // the list has changed meanwhile

	missing  string // why it is not whole
	hopeless bool   // another pass will not be either
}

var errLoopEnded = errors.New("the caller's loop has ended")

// pass makes a pass over the list. It hands out the rows that no pass has seen yet.
func (r *listReader[T]) pass() (p listPass, err error) {
	r.passes++
	at := r.start
	first, total := -1, -1 // the first page's, and the latest page's; -1 if they do not tell
	rows, last := 0, 0     // how many rows this pass saw, and the number of the last one of the last page
	stale := 0             // pages in a row without a new row
	mixed := false         // rows may have been seen that were not there at first, or are no longer there
	for more := true; more; {
		page, err := r.list(at, r.opts)
		if err != nil {
			return p, err
		}
		stale++
		if n := page.Total; n > 0 || n == 0 && !page.HasMore && len(page.Items) == 0 { // other totals cannot be true
			if first < 0 {
				first, total = n, n
			}
			gone := total - n
			total = n
			p.changed = p.changed || gone != 0
			mixed = mixed || gone > 0
			if gone < 0 {
				last-- // at least one row appears again
			}
			switch back := at.Offset - gone; {
			case gone <= 0 || at.Offset == r.start.Offset || stale == maxStalePages:
			case back <= r.start.Offset:
				p.missing = "it became shorter while it was read"
				return p, nil // another pass begins there
			default:
				at.Offset = back
				continue
			}
		}
		for i, item := range page.Items {
			key := r.id(item)
			before := r.seen[key]
			if key == "" { // rows without an id cannot be told apart
				before.pass = r.passes - 1
			}
			again := before.pass == r.passes
			if !again {
				rows++
				stale = 0
				r.seen[key] = sighting{r.passes, rows}
			}
			// Rows that arrive at the front push the others on: then a page begins
			// with rows of the one before, in their order. In any other order, some
			// of the rows are new, or were moved.
			n := r.seen[key].row
			mixed = mixed || n > last+1 || i > 0 && n != last+1
			last = n
			if p.changed = p.changed || again; again || before.pass > 0 {
				continue
			}
			p.fresh = true
			if !r.yield(item, nil) {
				return p, errLoopEnded
			}
		}
		at.Offset += len(page.Items)
		more = at.Offset < total || total < 0 && page.HasMore
		p.whole = !mixed && rows >= first-r.start.Offset
		switch {
		case more && stale == maxStalePages:
			p.whole = p.whole && first >= 0
			p.hopeless = true
			p.missing = fmt.Sprintf("the last %d pages had no new row", stale)
			return p, nil
		case more && len(page.Items) == 0:
			p.whole = false
			p.missing = fmt.Sprintf("the page at offset %d is empty, although there are more rows", at.Offset)
			return p, nil
		}
	}
	p.missing = fmt.Sprintf("%d rows were found, %d were expected", rows, first-r.start.Offset)
	return p, nil
}
