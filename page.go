package clawhq

import (
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ListOptions selects a page of a list.
//
// The methods named All return an iterator over a whole list. Rows may be added
// and removed while the loop runs, which moves the rows after them. An iterator
// never hands out a row twice, and requests parts of the list again to find
// rows that were moved. The first error ends the loop, and comes with its last
// pair; so does an error for a list that cannot be read to its end.
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

// maxStalePages is how many pages in a row may have no new row, as happens
// after many rows were added at once. It ends the reading of a list that would
// never end.
const maxStalePages = 10

// all reads a list from start on, page by page as the loop proceeds.
//
// Rows that are added and removed meanwhile move the rows after them, which may
// then appear on two pages or on none. A row that appears again is dropped. Rows
// that appear on no page are looked for: when the list has become shorter, the
// page is requested again from that many rows earlier; when rows are still
// missing at the end, because they moved to the front for example, the list is
// read a second time.
func all[T any](start ListOptions, id func(T) string, list func(ListOptions) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var (
			seen   = map[string]bool{}
			handed int     // rows
			first  = -1    // the first page's total
			total  int     // the latest page's
			at     = start // the page to read
			again  bool    // the list is read a second time
		)
		for stale := 0; stale < maxStalePages; stale++ {
			page, err := list(at)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if first < 0 {
				first, total = page.Total, page.Total
			}
			gone := total - page.Total
			total = page.Total
			if gone > 0 && at.Offset > start.Offset {
				at.Offset = max(start.Offset, at.Offset-gone)
				continue
			}
			fresh := false
			for _, item := range page.Items {
				key := id(item)
				if seen[key] || key == "" && again {
					continue
				}
				seen[key] = key != "" // rows without an id cannot be told apart
				fresh = true
				handed++
				if !yield(item, nil) {
					return
				}
			}
			if fresh {
				stale = -1
			}
			at.Offset += len(page.Items)
			missing := handed < min(first, total)-start.Offset
			switch {
			case len(page.Items) == 0, again && (!fresh || !missing):
				return
			case at.Offset < total, total == 0 && page.HasMore:
			case missing && !again:
				again, at = true, start
			default:
				return
			}
		}
		if total == 0 || handed < min(first, total)-start.Offset {
			var none T
			yield(none, fmt.Errorf("clawhq: list could not be read to its end: the last %d pages had no new row", maxStalePages))
		}
	}
}
