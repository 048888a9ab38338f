// Package redisclawhq shares what several machines must agree on through Redis or
// Valkey (6.2 or newer): the rate limit of a ClawHQ API key ([Limiter]), and the
// webhook events that were handled ([Seen]). With a Limiter, the machines together
// use the whole limit, without a 429 as long as delays differ by less than a margin
// ([WithMargin]).
//
//	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379"})
//	limiter, err := redisclawhq.NewLimiter(rdb, "production")
//	defer limiter.Close()
//	client, err := clawhq.NewClient(clawhq.WithAPIKey(apiKey), clawhq.WithLimiter(limiter))
//
// The package is a separate module, so that other programs do not depend on a
// Redis client.
//
// # How the Limiter works
//
// Redis holds a log of the calls of all machines: a sorted set of the times at which
// they are sent. A script updates it by the clock of Redis, and makes sure that this
// time does not go back after a failover. A slot is only given to a call that is sent
// at once. The call counts as sent unless the machine gives the slot back. The slot
// is free again 60 seconds and a margin ([WithMargin], [DefaultMargin]) after its
// call was sent.
//
// If the window is full, the machine gets a place in a line, however many callers it
// has, and learns when its turn comes. If that is within some seconds, the slot is
// kept for it. Otherwise the machine asks again before its turn, so that others
// notice when it has stopped. A machine that does not ask in time loses its place.
// So a machine that was killed costs others a second, and one that was frozen uses
// no slot that it held before. Each call needs one round trip to Redis if there is
// room, and about one more if it must wait.
//
// The callers of a machine are served in order, retries first, those in the
// background ([clawhq.LimitRequest]) last. Background calls of all machines yield to
// all others, are spread evenly over the window, and leave a tenth of it free as
// long as there are other calls in it. The machines of a job in the background may
// have a lower [WithMaxRate] than the others.
//
// Machines share what replies report. The limit is learned from
// X-RateLimit-Limit; until the first reply it is taken to be 30 calls per
// minute, the smallest tier. After a 429 all machines pause until its
// Retry-After; then a single call is sent before the others.
// X-RateLimit-Remaining reveals calls that are not in the log, because another
// program made them or the log was emptied; these calls take slots too.
//
// # Windows
//
// The live service counts chats in the window of the key, and every other
// endpoint in a separate window. A Limiter does the same. If all endpoints count
// in the key's window, as the documentation says, a Limiter finds the calls to
// other endpoints by X-RateLimit-Remaining, like those of other programs.
//
// # When Redis is away
//
// No call fails because of Redis. If Redis does not answer within the timeout
// ([WithTimeout], [DefaultTimeout]), or answers with an error, the Limiter returns
// [ErrUnavailable], and each client shapes its calls by itself. A client then knows
// the calls of other machines only by what replies show, so that a few calls may get
// a 429 and are retried. If the window is full, the machine's callers first wait for
// its turn, since the slots before it belong to calls that were sent. A machine that
// has never learned the limit sends one call and waits for its reply, 10 seconds at
// most.
//
// The Limiter checks whether Redis is available again after a quarter of a second,
// and then less often, down to once every two seconds. When it is, machines add to
// the log again what they have sent, and send slowly for five seconds. The same
// happens when Redis has lost its data, or comes back with older data, which
// machines notice by a version that rises with every round trip.
//
// [WithLogger] logs that Redis is away, unless only a single answer was late, and
// that it is back. [Limiter.Stats] has the same for metrics. The timeouts of the
// Redis client may have any value; its own log is set by redis.SetLogger, and ended
// by logging.Disable.
//
// # What Redis sees
//
// The names of keys in Redis consist of a prefix ([WithPrefix]), a keyed hash of
// the name given to NewLimiter, which is the hash tag for clusters, and a version
// of what is stored. API keys are not stored. Everything expires five minutes after
// the last call. All Limiters of a Redis client share one subscription, on which
// they hear of a changed limit; without the right to publish or subscribe, machines
// that wait learn of it when they ask next: after half of their wait, or after 15
// seconds if that is later.
//
// These are the rights that a Limiter and a Seen need, with the default prefixes:
//
//	ACL SETUSER clawhq-limiter on >password resetkeys ~clawhq:limit:* resetchannels &clawhq:limit:* nocommands +evalsha +eval +time +hmget +hset +zadd +zrem +zrange +zcount +zscore +pexpire +publish +subscribe
//	ACL SETUSER clawhq-seen on >password resetkeys ~clawhq:seen:* resetchannels nocommands +evalsha +eval +get +set +del +pttl
//
// With these rights, or any others, the script does all of its work or none.
package redisclawhq
