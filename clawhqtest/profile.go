package clawhqtest

import "github.com/clawhq/clawhq-go/internal/server"

// A Profile says whose protocol a server speaks where the documentation and
// the live service disagree.
type Profile int

const (
	// Documented, the default, follows the product's pages, and the live
	// service where they are silent: a revoked key is 401, rate_limited is a
	// rate_limit_error, all calls of a key are counted together, Retry-After
	// and X-RateLimit-Reset count seconds, what is wrong in a request is
	// refused with its parameter, support-bot is the default agent, and audit
	// entries bear integrity hashes. Fields that the pages have beside the
	// service's are there too, agent_id beside id for example.
	//
	// Failed deliveries of webhooks are sent again after 30 seconds, 5 minutes
	// and 30 minutes, each attempt in the log. Ten in a row that failed at
	// first pause a webhook; Enabled or Paused sends a test then, and resumes
	// only if that succeeds.
	Documented Profile = Profile(server.Documented)

	// Live reproduces the live service with its quirks.
	//
	// Keys and limits: a revoked key is 403; rate_limited is an api_error whose
	// Retry-After is absurd; X-RateLimit-Reset counts milliseconds; only chats
	// and messages of threads count in the key's window, all else in windows
	// of the account, one an endpoint; bearer in lower case counts as missing;
	// a key created with a tier that does not exist gets 60.
	//
	// Requests: an id, a page or a type that makes no sense is taken as
	// JavaScript takes it, or is a 500, sometimes without a body; a page past
	// the end is a 500; an unknown path is 404 HTML, an unknown method 405
	// without a body, a trailing slash 308. A stored reply answers whatever
	// the body, without X-RateLimit headers.
	//
	// Agents: slugs are made from names, so that Support Bot is support_bot;
	// the agent deployed last is the default, sales-assistant at first; some
	// words are content_blocked; a stream whose agent fails before its first
	// chunk is an error's status. The built-in agents reply "Echo: " and the
	// message; in it "[fail]" makes them fail at once, "[cut]" after the first
	// chunk, "[empty]" say nothing, "[sleep 300]" wait so many milliseconds.
	//
	// Webhooks: the events of the pages alone are refused. Failed deliveries
	// are sent again after the webhook's interval and then every two minutes
	// without end, all in one row of the log. The event after ten that failed
	// at first disables a webhook, and so does the next when it is enabled.
	Live Profile = Profile(server.Live)
)

// String returns the profile's name: documented or live.
func (p Profile) String() string { return server.Profile(p).String() }
