// Package redisclawhq shares the rate limit of a ClawHQ API key between several
// machines, through Redis or Valkey (6.2 or newer). Together the machines use
// the whole limit without getting a 429.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379"})
//	limiter := redisclawhq.New(rdb, apiKey)
//	defer limiter.Close()
//	client, err := clawhq.NewClient(clawhq.WithAPIKey(apiKey), clawhq.WithLimiter(limiter))
//
// The package is a separate module, so that other programs do not depend on a
// Redis client.
//
// # How it works
//
// Redis holds a log of the calls of all machines: a sorted set of the times at
// which they are sent. A script updates it by the clock of Redis, and makes sure
// that this time does not go back after a failover. The script returns the time
// of a slot, for which the caller then waits by itself, so that each call needs
// one round trip to Redis. A slot is free again 60 seconds and a margin
// ([WithMargin]) after its call was sent.
//
// The callers of a machine are served in order, retries first. Machines take
// turns: each holds one slot in advance, however many callers it has. A caller
// whose context ends returns its slot; the slots of a machine that has stopped
// expire.
//
// Machines share what replies report. The limit is learned from
// X-RateLimit-Limit; until the first reply it is taken to be 30 calls per
// minute, the smallest tier. After a 429 all machines pause until its
// Retry-After; then a single call is sent before the others.
// X-RateLimit-Remaining reveals calls that are not in the log, because another
// program made them or the log was emptied; these get their slots too.
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
// ([WithTimeout]), or answers with an error, each client shapes its calls by
// itself. It then knows the calls of other machines only by what replies show,
// so that a few per cent of the calls get a 429 and are retried. If the window
// is full, its callers first wait for the machine's next turn, since the slots
// before it belong to other machines.
//
// The Limiter checks twice a second whether Redis is available again. When it
// is, machines restore the calls that they have sent to the log, and send slowly
// for three seconds. [WithLogger] logs both changes. The timeouts of the Redis
// client may have any value; its own log is set by redis.SetLogger, and ended by
// logging.Disable.
//
// # What Redis sees
//
// The names of keys in Redis consist of a prefix ([WithPrefix]) and a keyed hash
// of the API key. The hash is the hash tag for clusters, so that everything of
// an API key is on one node. The API key itself is not stored. Everything
// expires five minutes after the last call.
//
// The commands are EVALSHA and EVAL; EXISTS, HMGET, HSET, PEXPIRE, PUBLISH, TIME
// and commands for sorted sets within the script; and SUBSCRIBE while callers
// wait. Without the right to publish or subscribe, a machine only learns a
// little later of a 429 that another one got.
package redisclawhq
