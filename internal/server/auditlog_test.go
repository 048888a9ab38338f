package server

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Key management writes to the audit log, with the client's address from
// X-Forwarded-For. In profile Documented each entry has its hash, and the whole log
// verifies.
func TestAuditLogOfKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		created := decode[wire.KeyReply[wire.CreatedKey]](t, s.send(request{path: keysPath, body: `{"name":"k"}`, header: map[string]string{"X-Forwarded-For": "203.0.113.42, 10.0.0.1"}}).Body).Key
		time.Sleep(time.Second)
		s.send(request{method: "PATCH", path: keysPath + "/" + created.ID, body: `{"name":"n","rate_limit_per_min":300}`})
		s.send(request{method: "PATCH", path: keysPath + "/" + created.ID, body: `{"rate_limit_per_min":45}`}) // refused: not logged
		time.Sleep(time.Second)
		s.send(request{method: "DELETE", path: keysPath + "/" + created.ID})

		log := get[wire.AuditLog](t, s, "/v1/audit-log").Entries
		type entry struct{ Action, Details, IP string }
		var got []entry
		for _, e := range log {
			got = append(got, entry{e.Action, string(e.Details), string(e.IPAddress)})
			if e.EntityType != "api_key" || e.Category != "api_key" || string(e.EntityID) != created.ID || e.Timestamp != e.CreatedAt || e.UserEmail == "" || e.Metadata != nil && string(e.Metadata) != string(e.Details) {
				t.Errorf("entry %+v", e)
			}
		}
		want := []entry{
			{"api_key_revoked", "null", "192.0.2.1"},
			{"api_key_updated", `{"name":"n","rate_limit_per_min":300}`, "192.0.2.1"},
			{"api_key_created", `{"name":"k","prefix":"` + created.KeyPrefix + `"}`, "203.0.113.42"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if got, want := log[2].Hash, wire.AuditHash(s.AccountID(), log[2], ""); got != want {
			t.Errorf("the first hash is %s, want %s", got, want)
		}
		cookie := map[string]string{"Cookie": "session=" + s.Session()}
		verdict := decode[wire.AuditVerdict](t, s.send(request{method: "GET", path: "/api/audit-log/verify", auth: "-", header: cookie}).Body)
		if want := (wire.AuditVerdict{Valid: true, Verified: 3, Total: 3}); verdict != want {
			t.Errorf("verdict %+v, want %+v", verdict, want)
		}
		if got := get[wire.AuditLog](t, s, "/v1/audit-log?from="+time.Now().UTC().Format(time.RFC3339)+"&action=api_key_revoked"); got.Total != 1 {
			t.Errorf("filtered: %+v", got)
		}
	})
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"[2001:db8::1]:443": "2001:db8::1", "memory": "127.0.0.1"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := clientIP(r); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

func TestAddAuditEntryKeepsTheOrder(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	at := time.Now()
	for _, e := range []AuditEntry{{ID: "2", CreatedAt: at}, {ID: "1", CreatedAt: at.Add(-time.Hour)}, {ID: "3", CreatedAt: at}, {ID: "4", CreatedAt: at.Add(time.Hour)}} {
		s.AddAuditEntry(e)
	}
	order := ""
	for _, e := range s.state.audit {
		order += e.ID
	}
	if order != "1234" {
		t.Errorf("order %s, want 1234", order)
	}
	defer func() {
		if recover() == nil {
			t.Error("details that are not JSON are taken")
		}
	}()
	s.AddAuditEntry(AuditEntry{Details: json.RawMessage("{oops")})
}

// In profile Live, a value that the database cannot read fails. Before that, from and
// to must be dates for JavaScript.
func TestLiveAuditLogParameters(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for query, want := range map[string]int{
		"from=2026-03-08T10:00Z": 200, "from=2026-03-08%2010:00": 200, "to=March%207,%202026": 200, "to=Sun%20Mar%2008%202026": 200,
		"from=2026-03": 500, "from=1": 500, "to=2026-02-31": 500, "from=March%207": 500,
		"from=20260308": 400, "from=tomorrow": 400, "from=2026-03-08T10:00:00+02:00": 400, "from=%20": 400,
		"from=": 200, "action=%00": 500, "action=x;y": 200,
	} {
		if got := s.send(request{method: "GET", path: "/api/v1/audit-log?" + query}).Code; got != want {
			t.Errorf("%s: status %d, want %d", query, got, want)
		}
	}
}
