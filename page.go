package clawhq

import (
	"cmp"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// ListOptions chooses a page of a list.
type ListOptions struct {
	// Limit is how many rows a page may hold: 1 to the endpoint's most, which
	// each List method names; 0 means the service's default.
	Limit int

	// Offset is how many rows to leave out before the first. One past the end
	// of the list is an empty page by the documentation; the live service
	// answers it with status 500.
	Offset int
}

// Page is a part of a list.
type Page[T any] struct {
	Items   []T
	Total   int  // rows in the whole list, of those that match
	HasMore bool // there are rows after these
}

// query returns the parameters that stand for the options, or why the service
// would not take them as they are: it would change them without a word.
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
	for _, id := range ids {
		refused = cmp.Or(refused, checkID(id))
	}
	return r.unless(refused)
}

// filter adds a parameter that chooses among the rows, unless it is empty.
func (r *request) filter(name, value string) {
	if value != "" {
		r.query.Set(name, value)
	}
}

// pageOf returns the page that a reply holds.
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

// maxStalePages is how many pages in a row may hold nothing new, as after many
// arrivals at once. It ends a list that never ends by itself.
const maxStalePages = 10

// all reads a list from start on, page by page as the loop goes.
//
// Rows that come and go meanwhile move those after them, which may then come
// twice or be passed over. None is handed out twice; those passed over are
// looked for: where the list has become shorter, the page is asked for again
// from so many rows earlier; where some are still missing at the end, as one
// is that moved to the front, the front is read again.
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
				seen[key] = key != "" // what has no id cannot be told apart
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
