package server

import (
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// In profile Live, the parameter agent is a part of a name, in which a star stands
// for any text. Other characters that are special in patterns have no meaning.
func TestConversationsOfAgents(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]struct{ documented, live int }{
		"":                 {2, 2},
		"SUPPORT":          {1, 1},
		"support-bot":      {1, 0},
		"s*t":              {0, 2},
		"pp*t%20b":         {0, 1},
		"*":                {0, 2},
		"t*s*s":            {0, 0},
		"s%25t":            {0, 0},
		"s_les":            {0, 0},
		"b+":               {0, 0}, // + is a blank in a query
		"sales-assistant;": {0, 0},
	} {
		for profile, want := range map[Profile]int{Documented: want.documented, Live: want.live} {
			s := newService(t, Config{Profile: profile})
			s.AddConversation(Conversation{Agent: "Support Bot"})
			s.AddConversation(Conversation{Agent: "sales-assistant"})
			if got := get[wire.ConversationList](t, s, "/v1/conversations?agent="+agent).Total; got != want {
				t.Errorf("%v, %s: %d, want %d", profile, agent, got, want)
			}
		}
	}
}

// In profile Live a page past the end fails, unless there is no such agent.
func TestLiveConversationsPastTheEnd(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	for query, want := range map[string]int{"offset=1": 500, "offset=1&agent=support": 500, "offset=1&agent=nope": 200} {
		if got := s.send(request{method: "GET", path: "/api/v1/conversations?" + query}).Code; got != want {
			t.Errorf("%s: status %d, want %d", query, got, want)
		}
	}
}
