package bulk

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// readItems reads the items until there are no more, one is at fault, or the run
// ends.
func (r *run) readItems() {
	r.readErr = errExit
	defer func() {
		if p := recover(); p != nil {
			r.readErr = &panicked{p}
		}
		close(r.read)
	}()
	r.readErr = r.readAll()
}

func (r *run) readAll() error {
	earlier, err := r.resume()
	if err != nil {
		return err
	}
	seen := map[shortID]struct{}{}
	number := 0
	for item, err := range r.items {
		number++
		if err != nil {
			return fmt.Errorf("items: %w", err)
		}
		short := shorten(item.ID)
		_, twice := seen[short]
		switch {
		case item.ID == "":
			return fmt.Errorf("item %d has no ID", number)
		case !utf8.ValidString(item.ID):
			return fmt.Errorf("item %d: the ID %q is not valid UTF-8", number, item.ID)
		case twice:
			return fmt.Errorf("item %d: the ID %q has come before", number, item.ID)
		}
		seen[short] = struct{}{}
		q := &question{Item: item, hash: requestHash(item.Request)}
		if q.stored, err = earlier(item.ID); err != nil {
			return fmt.Errorf("item %q: %w", item.ID, err)
		}
		if q.stored != nil && q.stored.RequestHash != q.hash {
			return fmt.Errorf("item %q: %w", item.ID, errOtherQuestion)
		}
		select {
		case r.read <- q:
		case <-r.ctx.Done():
			return nil
		}
	}
	return nil
}

var errOtherQuestion = errors.New("the store has an answer to another question with this ID")

// resume returns a function that finds what an earlier run has saved of an ID.
func (r *run) resume() (find func(id string) (*Record, error), err error) {
	store := r.opts.Store
	if finder, ok := store.(Finder); ok {
		return func(id string) (*Record, error) {
			rec, found, err := finder.Find(r.ctx, r.opts.Job, id)
			if err != nil || !found {
				return nil, err
			}
			return &rec, nil
		}, nil
	}
	known := map[string]Record{}
	if store != nil {
		for rec, err := range store.Load(r.ctx, r.opts.Job) {
			if err != nil {
				return nil, fmt.Errorf("loading: %w", err)
			}
			known[rec.ID] = rec
		}
	}
	return func(id string) (*Record, error) {
		rec, ok := known[id]
		if !ok {
			return nil, nil
		}
		return &rec, nil
	}, nil
}
