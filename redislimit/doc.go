// Package redislimit lets many machines share the rate limit of one ClawHQ API
// key, by way of a Redis or Valkey (6.2 or newer) that they share. Together
// they use all of the limit, and none of them is answered by a 429.
//
//	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379"})
//	limiter := redislimit.New(rdb, apiKey)
//	defer limiter.Close()
//	client, err := clawhq.NewClient(clawhq.WithAPIKey(apiKey), clawhq.WithLimiter(limiter))
//
// It is a module of its own, so that programs without a Redis do not carry its
// client.
//
// # How it works
//
// Redis holds a log of all machines' calls: a sorted set of the times at which
// they are sent. One script keeps it, on Redis's own clock, which no failover
// turns back. A caller is told the time of its slot and waits for it by itself,
// so that admission costs one trip a call. A slot is free again one window of
// 60 seconds and a margin ([WithMargin]) after its call was sent.
//
// Callers of one machine are served in order, retries first. Machines take
// turns: each holds one slot in advance, however many callers it has. A caller
// that leaves gives its slot back, and the slots of a machine that died run out
// by themselves.
//
// What replies tell is shared. The limit is learned from X-RateLimit-Limit, and
// 30 calls a minute, the smallest tier, is taken for it until then. A 429 stops
// all machines until its Retry-After; then one call goes ahead of the others.
// X-RateLimit-Remaining shows calls of which the log does not know, of somebody
// else with the key or from before the log was emptied; they have their room
// too.
//
// # Windows
//
// The live service counts chats in a key's own window, and every other endpoint
// in a window of its own. So does a Limiter. Where all endpoints count in the
// key's window, as the documentation has it, the calls of others in
// X-RateLimit-Remaining are those of the other endpoints.
//
// # When Redis is away
//
// No call fails because of Redis. If it does not answer within the timeout
// ([WithTimeout]), or answers with an error, each client falls back at once to
// its own rate shaping, which finds the others by what replies show: expect a
// few per cent of 429s, which are retried. Only where the window is full, and
// the machine holds a slot for later, its callers wait until then: the calls
// before it are other machines'. It looks for Redis twice a second, and when
// that is back, so is the Limiter: machines restore what they have sent, and go
// slowly for three seconds. [WithLogger] says both, once each. The Redis
// client's own timeouts may be anything; its log is set by redis.SetLogger.
//
// # What Redis sees
//
// Names begin with a prefix ([WithPrefix]) and a keyed hash of the API key,
// which is the hash tag of a cluster, so that all of a key lies on one node. The
// API key itself stands nowhere. All that is written expires five minutes after
// the last call. The commands are EVALSHA and EVAL, what the script calls
// (EXISTS, HMGET, HSET, PEXPIRE, PUBLISH, TIME and those of sorted sets), and
// SUBSCRIBE while callers wait; a user without the right to publish or subscribe
// only learns of a 429 elsewhere a little later.
package redislimit
