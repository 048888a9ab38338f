package control

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

func TestFaultQueue(t *testing.T) {
	t.Parallel()
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	c, err := New(Config{Server: server, RPM: 60})
	if err != nil {
		t.Fatal(err)
	}
	q := c.Queue()
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, q.Queued()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	request := func() {
		t.Helper()
		response, err := server.HTTPClient().Get(server.URL() + "/v1/health")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	check("new")
	if err := q.Arm("500, 429:7"); err != nil {
		t.Fatal(err)
	}
	check("armed", "500", "429:7")
	request()
	check("one met", "429:7")
	if err := q.Arm("503,nonsense"); err == nil {
		t.Error("nonsense was armed")
	}
	check("nonsense refused", "429:7")
	if err := q.Arm("html:502"); err != nil {
		t.Fatal(err)
	}
	check("armed another", "429:7", "html:502")
	request()
	request()
	check("all met")
	if err := q.Arm("500,500"); err != nil {
		t.Fatal(err)
	}
	q.Clear()
	check("cleared")
}
