package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// hashedLog returns a log, the oldest entry first, whose hashes the service has
// verified.
func hashedLog() (accountID string, entries []clawhq.AuditEntry) {
	at := time.Date(2026, 3, 16, 10, 0, 0, 0, time.UTC)
	entry := clawhq.AuditEntry{Action: "api_key_created", EntityType: "api_key", Category: "api_key"}
	entries = []clawhq.AuditEntry{entry, entry, entry}
	for i, e := range []struct {
		id, entity, details, hash string
	}{
		{"0a0a0a0a-0000-4000-8000-000000000000", "k0", `{"b":1,"a":"x<é"}`, "80b290cca56d9efc2e88e26e6736c416d681a8310d3de4274dd05add0289dfc2"},
		{"0a0a0a0a-0000-4000-8000-000000000001", "", "", "7e260c9f9aeeb482b4ba9e3a4d38baedc3aaf4bc4bf0ee82a17e8f9d95eb515c"},
		{"0a0a0a0a-0000-4000-8000-000000000002", "k2", `{"name":"k","prefix":"clw_1"}`, "2a0fac93d5dc51d12f343b02700137280ecade2d093a55cc495fbc56c36d0d86"},
	} {
		entries[i].ID, entries[i].EntityID, entries[i].IntegrityHash = e.id, e.entity, e.hash
		entries[i].CreatedAt = at.Add(time.Duration(i) * time.Second)
		if e.details != "" {
			entries[i].Details = json.RawMessage(e.details)
		}
	}
	return "22222222-2222-4222-8222-222222222222", entries
}

// Two recorded logs of the service. The service's own verification found the first
// valid, and nothing to verify in the second.
func TestVerifyRecordedAuditLog(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"audit_log_hashed": nil, "audit_log": clawhq.ErrAuditLogUnhashed} {
		client, _ := catch(t, recorded.Get(name).Reply)
		var entries []clawhq.AuditEntry
		for entry, err := range client.AuditLog.All(t.Context(), clawhq.AuditLogOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, entry)
		}
		slices.Reverse(entries)
		if err := clawhq.VerifyAuditLog("22222222-2222-4222-8222-222222222222", entries); len(entries) < 3 || !errors.Is(err, want) {
			t.Errorf("%s: %d entries, %v; want %v", name, len(entries), err, want)
		}
	}
}

func TestVerifyAuditLog(t *testing.T) {
	t.Parallel()
	type log = []clawhq.AuditEntry
	for name, tc := range map[string]struct {
		change func(account *string, l log) log
		err    error
		text   string
	}{
		"whole":          {func(_ *string, l log) log { return l }, nil, ""},
		"empty":          {func(*string, log) log { return nil }, nil, ""},
		"its beginning":  {func(_ *string, l log) log { return l[:2] }, nil, ""},
		"other details":  {func(_ *string, l log) log { l[0].Details = json.RawMessage(`{"a":"x","b":1}`); return l }, clawhq.ErrAuditLogBroken, "entry 1 of 3"},
		"other action":   {func(_ *string, l log) log { l[2].Action = "api_key_revoked"; return l }, clawhq.ErrAuditLogBroken, "entry 3 of 3"},
		"other time":     {func(_ *string, l log) log { l[1].CreatedAt = l[1].CreatedAt.Add(time.Microsecond); return l }, clawhq.ErrAuditLogBroken, "entry 2 of 3"},
		"one is gone":    {func(_ *string, l log) log { return slices.Delete(l, 1, 2) }, clawhq.ErrAuditLogBroken, "entry 2 of 2"},
		"the first gone": {func(_ *string, l log) log { return l[1:] }, clawhq.ErrAuditLogBroken, "entry 1 of 2"},
		"newest first":   {func(_ *string, l log) log { slices.Reverse(l); return l }, clawhq.ErrAuditLogBroken, "oldest entry first"},
		"other account":  {func(a *string, l log) log { *a = "x"; return l }, clawhq.ErrAuditLogBroken, `account "x"`},
		"no hashes": {func(_ *string, l log) log {
			for i := range l {
				l[i].IntegrityHash = ""
			}
			return l
		}, clawhq.ErrAuditLogUnhashed, "clawhq: audit log cannot be verified: 3 of 3 entries have no integrity hash"},
		"one without, at the end":      {func(_ *string, l log) log { l[2].IntegrityHash = ""; return l }, clawhq.ErrAuditLogUnhashed, "1 of 3 entries"},
		"broken, and one without hash": {func(_ *string, l log) log { l[0].IntegrityHash, l[2].Action = "", "x"; return l }, clawhq.ErrAuditLogBroken, "entry 2 of 3"},
	} {
		account, entries := hashedLog()
		entries = tc.change(&account, entries)
		err := clawhq.VerifyAuditLog(account, entries)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: got %v, want %v", name, err, tc.err)
		}
		wantErrorText(t, err, tc.text)
	}
}

func TestAuditLogRequests(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 15, 30, 0, 123_456_789, time.FixedZone("", 3600))
	wantRequests(t, []requestCase{
		{"GET", "/v1/audit-log?action=a&category=c&entity_id=i&entity_type=t&from=2026-03-10T14%3A30%3A00.123456Z&limit=5&offset=10&to=2026-03-10T14%3A30%3A00.123456Z", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.AuditLog.List(ctx, clawhq.AuditLogOptions{ListOptions: secondPage, Category: "c", Action: "a", EntityType: "t", EntityID: "i", From: at, To: at})
			return err
		}},
	})
}
