package outbox

import (
	"encoding/json"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

func hookWith(filters, transformation string) *hook {
	return &hook{Webhook: wire.Webhook{WebhookDetails: &wire.WebhookDetails{
		FilterConditions: json.RawMessage(filters), Transformation: wire.Text(transformation),
	}}}
}

var body = wire.WebhookBody{
	Event:     "api.request",
	Data:      json.RawMessage(`{"agent":"Support_Bot","n":63,"big":1e21,"ok":true,"none":null,"list":[1,"a"],"quote":"a\"b"}`),
	Timestamp: "2026-11-24T17:41:06.118Z",
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for filters, want := range map[string]bool{
		``:     true,
		`null`: true,
		`[]`:   true,
		`[{"field":"event_type","operator":"equals","value":"API.request"}]`:                                                 true,
		`[{"field":"event_type","operator":"equals","value":"agent.deployed"}]`:                                              false,
		`[{"field":"payload.agent","operator":"equals","value":"support_bot"}]`:                                              true,
		`[{"field":"agent","operator":"equals","value":"support_bot"}]`:                                                      true,
		`[{"field":"agent","operator":"not_equals","value":"support_bot"}]`:                                                  false,
		`[{"field":"agent","operator":"contains","value":"PORT"}]`:                                                           true,
		`[{"field":"agent","operator":"contains","value":"sales"}]`:                                                          false,
		`[{"field":"agent","operator":"in","value":["sales","SUPPORT_bot"]}]`:                                                true,
		`[{"field":"agent","operator":"in","value":["sales"]}]`:                                                              false,
		`[{"field":"agent","operator":"in","value":"sales"}]`:                                                                false,
		`[{"field":"agent","operator":"in","value":"sales, support_BOT"}]`:                                                   true,
		`[null,5,{"field":7,"operator":"equals","value":"x"}]`:                                                               true,
		`[{"field":"big","operator":"equals","value":"1e+21"}]`:                                                              true,
		`[{"field":"agent","operator":"like","value":"sales"}]`:                                                              true,
		`[{"field":"n","operator":"equals","value":63}]`:                                                                     true,
		`[{"field":"n","operator":"equals","value":"63"}]`:                                                                   true,
		`[{"field":"ok","operator":"equals","value":true}]`:                                                                  true,
		`[{"field":"none","operator":"equals","value":""}]`:                                                                  true,
		`[{"field":"absent","operator":"equals"}]`:                                                                           true,
		`[{"field":"list","operator":"equals","value":"1,a"}]`:                                                               true,
		`[{"operator":"equals","value":"x"}]`:                                                                                true,
		`[{"field":"agent","operator":"contains","value":"bot"},{"field":"n","operator":"equals","value":1}]`:                false,
		`[{"field":"agent","operator":"contains","value":"bot"},{"field":"event_type","operator":"contains","value":"api"}]`: true,
		`{"field":"agent"}`: true,
	} {
		if got, err := hookWith(filters, "").matches(body, false); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", filters, got, err, want)
		}
	}
}

// Filters with which the service's JavaScript fails, if it evaluates them.
func TestThrowingFilters(t *testing.T) {
	t.Parallel()
	for filters, want := range map[string]bool{
		`[null]`: true,
		`[{"field":5,"operator":"equals","value":"x"}]`:                   true,
		`[{"field":"agent","operator":"in","value":["support_bot"]}]`:     true,
		`[{"field":"agent","operator":"in","value":5}]`:                   true,
		`[{"field":"agent","operator":"in"}]`:                             true,
		`[{"field":"agent","operator":"equals","value":5},null]`:          false, // the first filter keeps the event back
		`[{"field":"agent","operator":"in","value":"sales,support_bot"}]`: false,
		`[{"field":0,"operator":"in","value":5}]`:                         false,
		`[5,"x",{"operator":"in"}]`:                                       false,
		`{}`:                                                              false,
	} {
		if _, err := hookWith(filters, "").matches(body, true); (err != nil) != want {
			t.Errorf("%s: %v", filters, err)
		}
	}
}

func TestTransformations(t *testing.T) {
	t.Parallel()
	plain := string(encode(body))
	for transformation, want := range map[string]string{
		``: plain,
		`{"text": "{{event.type}} by {{data.agent}} at {{event.timestamp}}", "missing": "{{data.absent}}"}`: `{"text":"api.request by Support_Bot at 2026-11-24T17:41:06.118Z","missing":""}`,
		`{"n": {{data.n}}, "ok": {{data.ok}}, "none": {{data.none}}}`:                                       `{"n":63,"ok":true,"none":null}`,
		`{"b": 1.0, "a": 1e2, "b": 2, "7": {{data.big}}}`:                                                   `{"7":1e+21,"b":2,"a":100}`,
		`"{{data.list}}"`:        `"1,a"`,
		`{"q":"{{data.quote}}"`:  plain,
		`{"q":"{{data.quote}}"}`: plain, // the result is not JSON
		`{"x":"{{data.a.b}}"}`:   `{"x":"{{data.a.b}}"}`,
		`not JSON`:               plain,
	} {
		if got := string(hookWith("", transformation).transformed(body)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", transformation, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	long := ""
	for range 600 {
		long += "😀"
	}
	for in, want := range map[string]int{"": 0, "no": 2, long: 2048} { // 512 emoji of two units and four bytes
		if got := len(excerpt(in)); got != want {
			t.Errorf("%d bytes: got %d, want %d", len(in), got, want)
		}
	}
}
