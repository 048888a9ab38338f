package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// createWebhook answers POST /webhooks.
func (c *call) createWebhook() (any, error) {
	body, err := c.readManagement(errBadJSON)
	if err != nil {
		return nil, err
	}
	p := c.profile
	w := wire.Webhook{}
	if w.URL, err = p.text(body, "url", errWebhookURL); err != nil {
		return nil, err
	}
	if err := c.checkWebhookURL(w.URL, fmt.Sprintf("URL too long (max %d characters)", wire.MaxWebhookURLChars)); err != nil {
		return nil, err
	}
	description, err := p.text(body, "description", flat(http.StatusBadRequest, "Description must be text"))
	if err != nil {
		return nil, err
	}
	if wire.UTF16Len(description) > wire.MaxWebhookDescriptionChars {
		return nil, flat(http.StatusBadRequest, fmt.Sprintf("Description must be at most %d characters", wire.MaxWebhookDescriptionChars))
	}
	w.Description = wire.Text(wire.Trim(description))
	events := member(body, "events")
	if !js.Truthy(events) {
		events = []any{}
	}
	if w.Events, err = c.checkEvents(events); err != nil {
		return nil, err
	}
	if p.storable("", w.URL, string(w.Description)) != nil {
		return nil, flat(http.StatusInternalServerError, "Failed to create webhook")
	}
	w, err = c.s.outbox.Create(w)
	if err != nil {
		return nil, webhookRefused(err, "")
	}
	c.logManagement(wire.AuditWebhookCreated, wire.AuditWebhooks, w.ID, map[string]any{"url": w.URL, "events": w.Events})
	return wire.WebhookReply{Webhook: c.s.shown(w)}, nil
}

// checkWebhookURL checks the URL of a webhook. A loopback URL, where it is allowed,
// need not be an HTTPS URL.
func (c *call) checkWebhookURL(url, tooLong string) error {
	loopback := wire.LoopbackURL(url) && c.s.outbox.Allowed(url)
	switch {
	case !wire.SecureURL(url) && !loopback:
		return errWebhookURL
	case !c.s.outbox.Allowed(url):
		return errWebhookPrivate
	case wire.UTF16Len(url) > wire.MaxWebhookURLChars:
		return flat(http.StatusBadRequest, tooLong)
	}
	return nil
}

// WebhookEvents returns the events to which webhooks can subscribe in the profile.
func (p Profile) WebhookEvents() []string { return p.quirks().webhookEvents }

// checkEvents returns the events that a webhook subscribes to.
func (c *call) checkEvents(v any) (events []string, err error) {
	list, ok := v.([]any)
	switch {
	case v == "" || ok && len(list) == 0:
		return nil, errNoEvents
	case !ok:
		return nil, c.profile.wrongType(errNoEvents)
	}
	var unknown []any
	for _, item := range list {
		event, _ := item.(string)
		events = append(events, event)
		if !slices.Contains(c.profile.WebhookEvents(), event) {
			unknown = append(unknown, item)
		}
	}
	if unknown != nil {
		return nil, flat(http.StatusBadRequest, "Invalid events: "+js.Join(unknown, ", "))
	}
	return events, nil
}

// updateWebhook answers PATCH /webhooks/{id}.
func (c *call) updateWebhook() (any, error) {
	if c.profile.quirks().idFirst && !c.s.outbox.Has(c.ids[0]) {
		return nil, webhookRefused(outbox.ErrNotFound, "")
	}
	body, err := c.readManagement("Invalid request body")
	if err != nil {
		return nil, err
	}
	u := webhookUpdate{call: c}
	if err := u.read(body); err != nil {
		return nil, err
	}
	if len(u.details) == 0 {
		return nil, flat(http.StatusBadRequest, "No updates provided")
	}
	paused, unpausing := body.Get("paused_at")
	resume := member(body, "enabled") == true || unpausing && paused == nil
	var w wire.Webhook
	c.unlocked(func() { // which may send a test first
		w, err = c.s.outbox.Update(c.ctx, c.ids[0], resume, func(w *wire.Webhook) {
			for _, change := range u.changes {
				change(w)
			}
		})
	})
	if err != nil {
		return nil, webhookRefused(err, "")
	}
	c.logManagement(wire.AuditWebhookUpdated, wire.AuditWebhooks, w.ID, json.RawMessage(js.Stringify(u.details)))
	return wire.WebhookReply{Webhook: c.s.shown(w)}, nil
}

// webhookUpdate collects the changes of an update.
type webhookUpdate struct {
	*call
	changes []func(*wire.Webhook)
	details js.Object // the changes, as the audit log shows them
}

// add adds the change of one member.
func (u *webhookUpdate) add(name string, value any, change func(*wire.Webhook)) {
	u.changes = append(u.changes, change)
	u.details = append(u.details, js.Member{Name: name, Value: value})
}

// read reads the members of a body. In profile Live, most values are converted by the
// database, not checked.
func (u *webhookUpdate) read(body js.Object) error {
	for _, member := range []struct {
		name string
		read func(v any) error
	}{
		{"url", u.readURL}, {"events", u.readEvents}, {"enabled", u.readEnabled}, {"description", u.readDescription},
		{"filter_conditions", u.readFilters}, {"transformation", u.readTransformation},
		{"retry_max_attempts", u.readAttempts}, {"retry_interval_seconds", u.readInterval}, {"paused_at", u.readPausedAt},
	} {
		if v, given := body.Get(member.name); given {
			if err := member.read(v); err != nil {
				return err
			}
		}
	}
	if u.profile.storable("", u.details) != nil {
		return errNotSaved
	}
	return nil
}

func (u *webhookUpdate) readURL(v any) error {
	url, isText := v.(string)
	if !isText {
		return u.profile.wrongType(errWebhookURL)
	}
	u.add("url", url, func(w *wire.Webhook) { w.URL = url })
	return u.checkWebhookURL(url, "URL too long")
}

func (u *webhookUpdate) readEvents(v any) error {
	events, err := u.checkEvents(v)
	u.add("events", v, func(w *wire.Webhook) { w.Events = events })
	return err
}

func (u *webhookUpdate) readEnabled(v any) error {
	enabled, ok := v.(bool)
	if !ok && u.profile.quirks().casts {
		enabled, ok = postgres.Bool(databaseText(v))
	}
	if !ok {
		return errNotSaved
	}
	u.add("enabled", v, func(w *wire.Webhook) { w.Enabled = enabled })
	return nil
}

func (u *webhookUpdate) readDescription(v any) error {
	text, isText := v.(string)
	if !isText && (v != nil || u.profile.quirks().casts) {
		return u.profile.wrongType(errNotSaved)
	}
	text = wire.Trim(text)
	u.add("description", text, func(w *wire.Webhook) { w.Description = wire.Text(text) })
	return nil
}

func (u *webhookUpdate) readFilters(v any) error {
	var filters json.RawMessage
	if v != nil {
		filters = js.Stringify(postgres.JSONB(v))
	}
	u.add("filter_conditions", v, func(w *wire.Webhook) { w.FilterConditions = filters })
	return nil
}

func (u *webhookUpdate) readTransformation(v any) error {
	text, isText := v.(string)
	if !isText && v != nil {
		if !u.profile.quirks().casts {
			return errNotSaved
		}
		text = databaseText(v)
	}
	u.add("transformation", v, func(w *wire.Webhook) { w.Transformation = wire.Text(text) })
	return nil
}

func (u *webhookUpdate) readAttempts(v any) error {
	n, isNumber := v.(float64)
	if u.profile.quirks().casts {
		n, isNumber = js.Number(v), true
	}
	n = min(max(n, 1), wire.MaxRetryAttempts)
	if !isNumber || n != n {
		u.add("retry_max_attempts", nil, func(w *wire.Webhook) { w.RetryMaxAttempts = nil })
		return nil
	}
	attempts := int(n)
	if float64(attempts) != n && u.profile.quirks().casts {
		return errNotSaved
	}
	u.add("retry_max_attempts", float64(attempts), func(w *wire.Webhook) { w.RetryMaxAttempts = &attempts })
	return nil
}

func (u *webhookUpdate) readInterval(v any) error {
	seconds := wire.DefaultRetryInterval
	if n, isNumber := v.(float64); isNumber && n == float64(int(n)) && slices.Contains(wire.WebhookRetryIntervals, int(n)) {
		seconds = int(n)
	}
	u.add("retry_interval_seconds", float64(seconds), func(w *wire.Webhook) { w.RetryIntervalSeconds = seconds })
	return nil
}

func (u *webhookUpdate) readPausedAt(v any) error {
	var at wire.Time
	if v != nil {
		t, ok := postgres.Time(databaseText(v), u.s.clock.Now())
		if _, isText := v.(string); !ok || !isText && !u.profile.quirks().casts {
			return errNotSaved
		}
		at = wire.DatabaseTime(t)
	}
	u.add("paused_at", v, func(w *wire.Webhook) { w.PausedAt = at })
	return nil
}
