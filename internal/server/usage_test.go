package server

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{Profile: Live, AgentDelay: 100 * time.Millisecond})
		_, other := s.CreateKey("other", 60)
		send := func(key, body string) { s.send(request{key: key, body: body}) }
		send(s.key, `{"message":"a b"}`) // with two pauses
		time.Sleep(24 * time.Hour)
		send(s.key, `{"message":"a","stream":true}`)
		send(s.key, `{"message":"[fail]"}`)
		send(s.key, `{"message":"[cut]","stream":true}`)
		send(s.key, `{"message":"","stream":true}`) // not counted, like all that follow
		send(s.key, `{"message":"a","agent":"nope"}`)
		send(other, `{"message":"a"}`)
		s.send(request{path: "/api/v1/threads", body: "{}"})
		today, yesterday := time.Now().UTC().Format(time.DateOnly), time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
		want := wire.Usage{
			KeyName: "default", Period: "7d",
			Usage:  wire.UsageFigure{Days: []wire.UsageDay{{Date: today, Requests: 3, Errors: 2, AverageResponseMS: 33}, {Date: yesterday, Requests: 1, AverageResponseMS: 200}}},
			Totals: wire.UsageTotals{Requests: 4, Errors: 2, AverageResponseMS: 75},
		}
		if diff := cmp.Diff(want, get[wire.Usage](t, s, "/v1/usage")); diff != "" {
			t.Errorf("usage (-want +got):\n%s", diff)
		}
	})
}

// In the reference pages' form, usage is an object with tokens and agents, not a
// list.
func TestUsageOfThePages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("a", agentOf(says("four", " and more")))
		for _, body := range []string{`{"message":"hello","agent":"a"}`, `{"message":"hello","agent":"a","stream":true}`, hi} {
			s.send(request{body: body})
		}
		got := get[wire.Usage](t, s, "/v1/usage")
		tokens := got.Totals.Tokens
		want := wire.Usage{
			KeyName: "default", Period: "30d",
			Usage: wire.UsageFigure{
				Days: []wire.UsageDay{{Date: s.Now().UTC().Format(time.DateOnly), Requests: 3, Tokens: tokens}},
				Page: &wire.UsagePage{
					Requests: 3, Tokens: tokens, PeriodStart: wire.HandlerTime(s.Now().AddDate(0, 0, -30)), PeriodEnd: wire.HandlerTime(s.Now()),
					ByAgent: wire.AgentUsages{{Agent: "a", Requests: 2, Tokens: 10}, {Agent: "support-bot", Requests: 1, Tokens: tokens - 10}},
				},
			},
			Totals: wire.UsageTotals{Requests: 3, Tokens: tokens},
		}
		if diff := cmp.Diff(want, got); diff != "" || tokens <= 10 {
			t.Errorf("%d tokens; usage (-want +got):\n%s", tokens, diff)
		}
	})
}

// A stream counts as soon as it has begun, an answer when it is complete.
func TestUsageUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		var seen []wire.UsageTotals
		s.HandleAgent("curious", func(context.Context, Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				time.Sleep(time.Second)
				seen = append(seen, get[wire.Usage](t, s, "/v1/usage").Totals)
				yield("done", nil)
			}
		})
		s.send(request{body: `{"message":"hi","agent":"curious"}`})
		s.send(request{body: `{"message":"hi","agent":"curious","stream":true}`})
		want := []wire.UsageTotals{{}, {Requests: 2, AverageResponseMS: 1000, Tokens: 2}}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("totals (-want +got):\n%s", diff)
		}
	})
}
