package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// supportBot is the slug of the default agent in profile Documented.
const supportBot = "support-bot"

// deployBuiltins deploys the agents of a new server, the default one last.
func (s *Server) deployBuiltins() {
	support := s.builtin(agent{slug: supportBot, name: "Support Bot", description: "Helps", model: "k2.5-standard"}, supportAgent)
	sales := s.builtin(agent{slug: "sales-assistant", name: "sales-assistant", model: wire.DefaultModel}, salesAgent)
	agents := []agent{sales, support}
	if s.cfg.Profile.quirks().salesLast {
		slices.Reverse(agents)
	}
	for _, a := range agents {
		s.deploy(a)
	}
}

// builtin returns the agent with the answers of canned or, in profile Live, of echo.
// They come word by word, with the configured delay between words.
func (s *Server) builtin(a agent, canned cannedAgent) agent {
	reply, delay := func(m Message) ([]string, error) { return strings.SplitAfter(canned.answer(m), " "), nil }, func(Message) time.Duration { return 0 }
	if s.cfg.Profile.quirks().echoes {
		reply, delay = echo, echoDelay
	}
	a.instant = s.cfg.AgentDelay <= 0 && !s.cfg.Profile.quirks().echoes
	a.answer = func(ctx context.Context, m Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if s.clock.Sleep(ctx, delay(m)) != nil {
				return
			}
			chunks, err := reply(m)
			for i, chunk := range chunks {
				if i > 0 && s.clock.Sleep(ctx, s.cfg.AgentDelay) != nil || !yield(chunk, nil) {
					return
				}
			}
			if err != nil {
				yield("", err)
			}
		}
	}
	return a
}

var errEchoFailed = errors.New("the message asked for a failure")

// echo is the agent of the live service that answered the recorded requests. It
// repeats a message word by word, unless the message contains one of the marks that
// package clawhqtest documents for its profile Live.
func echo(m Message) (chunks []string, err error) {
	words := strings.SplitAfter("Echo: "+m.Text, " ")
	for _, asked := range []struct {
		mark   string
		chunks []string
		err    error
	}{
		{"[fail]", nil, errEchoFailed},
		{"[reset]", nil, errGatewayDown},
		{"[notjson]", nil, errGatewayNotJSON},
		{"[empty]", nil, nil},
		{"[cut]", words[:1], errEchoFailed},
		{"[reason]", []string{"<think>only ", "this</think>"}, nil},
		{"[think]", []string{"<think>secret</think>Echo: ", "after ", "<thinking>x</thinking> ", "end"}, nil},
		{"[split]", append([]string{splitLine}, words...), nil},
	} {
		if strings.Contains(m.Text, asked.mark) {
			return asked.chunks, asked.err
		}
	}
	return words, nil
}

// sleeping matches the mark in a message that makes echo wait.
var sleeping = regexp.MustCompile(`\[sleep (\d{1,6})\]`)

func echoDelay(m Message) time.Duration {
	if asked := sleeping.FindStringSubmatch(m.Text); asked != nil {
		ms, _ := strconv.Atoi(asked[1]) // cannot fail: at most six digits
		return time.Duration(ms) * time.Millisecond
	}
	return 0
}

// A cannedAgent is a built-in agent of profile Documented. Its answer depends only on
// the message and the history.
type cannedAgent struct {
	greeting string
	answers  []struct{ word, text string } // the first whose word is in the message is given
	closing  string
}

var supportAgent = cannedAgent{
	greeting: "Thanks for reaching out to support.",
	answers: []struct{ word, text string }{
		{"hour", "Our support hours are Monday to Friday, 9:00 to 18:00 UTC."},
		{"webhook", "Webhooks are HTTP callbacks that notify your server when something happens."},
		{"key", "You can create, change and revoke keys on the API Access page."},
		{"limit", "Each key has its own limit, counted over a sliding window of 60 seconds."},
	},
	closing: "Is there anything else I can help you with?",
}

var salesAgent = cannedAgent{
	greeting: "Thanks for your interest in ClawHQ.",
	answers: []struct{ word, text string }{
		{"price", "API access is part of the Pro plan."},
		{"plan", "API access is part of the Pro plan."},
		{"demo", "I would be glad to set up a demo for your team."},
	},
	closing: "Shall I tell you more about what ClawHQ can do for you?",
}

// maxQuote is how many characters of a message a canned agent repeats.
const maxQuote = 120

// quote returns the part of a message that a canned agent repeats.
func quote(text string) string {
	n := 0
	for i := range text {
		if n++; n > maxQuote {
			return text[:i] + "…"
		}
	}
	return text
}

func (c cannedAgent) answer(m Message) string {
	opening := c.greeting
	if n := max(m.earlier, len(m.History)/2) + 1; n > 1 {
		opening = fmt.Sprintf("This is message %d of our conversation.", n)
	}
	answer := ""
	lower := strings.ToLower(m.Text)
	for _, a := range c.answers {
		if strings.Contains(lower, a.word) {
			answer = a.text + " "
			break
		}
	}
	return opening + " You asked: “" + quote(m.Text) + "” " + answer + c.closing
}
