-- Keeps the calls of many machines inside one sliding window. It is the only
-- thing that writes to the window's keys, so that machines of one version of it
-- always agree. All times are microseconds of this server's clock.
--
-- KEYS  log    sorted set: slots that are taken, by when their calls are sent
--       free   sorted set: those of them that were given back before their time
--       state  hash: what all machines know of the window
-- ARGV  the request and the constants, as JSON (see trip.go), and the channel
--       on which machines hear that their slots are void
local log, free, state = KEYS[1], KEYS[2], KEYS[3]
local ask, channel = cjson.decode(ARGV[1]), ARGV[2]
local window, span = ask.window, ask.window + ask.margin

local function text(n) return string.format('%.0f', n) end

local known = redis.call('HMGET', state,
	'epoch', 'version', 'limit', 'told', 'gate', 'calm', 'strangers', 'last', 'ahead')
local function known_number(i) return tonumber(known[i] or 0) end
local epoch, version = known[1], known_number(2)
local limit, told = known_number(3), known_number(4) -- calls a window; when the call was sent whose reply said so
local gate, calm = known_number(5), known_number(6) -- nothing is sent before; slots lie apart until
local strangers = known_number(7) -- until when calls of others may be in the log

-- The clock. After a failover it may be behind; the log's time goes on from
-- where it was.
local time = redis.call('TIME')
local now, last, ahead = time[1] * 1000000 + time[2], known_number(8), known_number(9)
if now + ahead < last then ahead = last - now end
now = now + ahead

local void, lost, emptied = false, false, false
if not epoch then
	epoch, version, limit = ask.fresh, 1, ask.limit
	if ask.epoch then -- there was a log, and it is gone
		calm, emptied = now + ask.calm, true
	end
end
if ask.epoch and ask.epoch ~= epoch then lost = true end
if ask.away then calm = math.max(calm, now + ask.calm) end

redis.call('ZREMRANGEBYSCORE', log, '-inf', text(now - 2 * window))
if redis.call('EXISTS', free) == 1 then -- those that nobody took in time are empty
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', free, '-inf', text(now))) do
		redis.call('ZREM', log, id)
		redis.call('ZREM', free, id)
	end
end

for _, id in ipairs(ask.returned or {}) do
	local at = tonumber(redis.call('ZSCORE', log, id) or '')
	if at and at > now then
		redis.call('ZADD', free, text(at), id)
	elseif at then
		redis.call('ZREM', log, id)
	end
end

-- Strangers are calls of which only replies tell, at times that are guessed.
local strange -- their ids, the oldest first, once they are asked for
local function forget_stranger()
	if strangers <= now then return end
	if not strange then
		strange = {}
		for _, id in ipairs(redis.call('ZRANGEBYSCORE', log, text(now - span), text(now))) do
			if string.sub(id, 1, 1) == 'x' then strange[#strange + 1] = id end
		end
	end
	if #strange > 0 then redis.call('ZREM', log, table.remove(strange, 1)) end
end

for _, call in ipairs(ask.sent or {}) do
	local new = redis.call('ZADD', log, text(math.min(call.at, now)), call.id)
	if new == 1 and call.at > now - span then -- slots were handed out without it
		forget_stranger()
		void = true
	end
end

-- What replies tell.
local function count(from, to) return redis.call('ZCOUNT', log, '(' .. text(from), text(to)) end
for _, reply in ipairs(ask.replies or {}) do
	if reply.limit > 0 and reply.at >= told then
		void = void or reply.limit ~= limit
		limit, told = reply.limit, reply.at
	end
	local counted = reply.counted
	if reply.closed > 0 then -- a 429
		local open = reply.at + reply.took + reply.closed
		void = void or open > gate + 500000
		if open > gate then gate, calm = open, math.max(calm, open + ask.calm) end
		if strangers > now - window and limit > 0 then counted = limit end
	end
	if counted >= 0 then
		-- Of the calls near either end of the server's window it is not known
		-- on which side they arrived.
		local slack = math.max(ask.margin, math.min(reply.took, 1000000))
		local most = count(reply.at - window - slack, reply.at + slack)
		local least = count(reply.at - window + slack, reply.at - slack)
		if counted > most then -- others use the key, or the log was emptied
			local missing = counted - most
			void = void or missing > limit / 20
			for i = 1, missing do
				local at = reply.at - window * (missing - i) / missing
				redis.call('ZADD', log, text(at), 'x' .. text(reply.at) .. '.' .. i)
			end
			strangers, strange = math.max(strangers, reply.at + span), nil
		else -- maybe fewer than were thought
			for _ = counted + 1, least do forget_stranger() end
		end
	end
end

if emptied or void and redis.call('ZCOUNT', log, '(' .. text(now), '+inf') > 0 then
	-- Slots that were handed out ahead are not valid any more.
	version = version + 1
	redis.call('ZREMRANGEBYSCORE', log, '(' .. text(now), '+inf')
	redis.call('DEL', free)
	redis.pcall('PUBLISH', channel, cjson.encode({epoch = epoch, version = version, window = ask.name}))
end

-- Slots. One is free when the call that is the limit's size before the latest
-- has left the window; which call lies where does not matter.
local size = limit
if size == 0 then size = ask.unknown end
if ask.most > 0 then size = math.min(size, ask.most) end
local function nth_latest(before)
	local found = redis.call('ZREVRANGEBYSCORE', log, before, '-inf', 'WITHSCORES', 'LIMIT', size - 1, 1)
	return tonumber(found[2] or 0)
end
local slots = {}
local want = ask.want
if lost then want = 0 end
for i = 1, want do
	local id = ask.machine .. '-' .. text(ask.first + i - 1)
	local at = tonumber(redis.call('ZSCORE', log, id) or '') -- set if this request came twice
	if not at then
		local given = redis.call('ZRANGEBYSCORE', free, text(math.max(now, gate)), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
		at = tonumber(given[2] or '')
		if not at then
			at = math.max(now, gate, nth_latest('+inf') + span)
			if at < calm then
				local latest = redis.call('ZREVRANGE', log, 0, 0, 'WITHSCORES')
				at = math.max(at, tonumber(latest[2] or 0) + math.max(window / size, ask.pace))
			end
		end
		if i > 1 and at > now then break end -- one in advance: so machines take turns
		if given[1] then
			redis.call('ZREM', free, given[1])
			redis.call('ZREM', log, given[1])
		end
		redis.call('ZADD', log, text(at), id)
	end
	slots[i] = at
end

-- What is sure: no slot before the calls that were sent have left the window.
local sure = gate
if limit > 0 and told > now - window and strangers <= now then
	sure = math.max(sure, nth_latest(text(now)) + span)
end

redis.call('HSET', state, 'epoch', epoch, 'version', text(version), 'limit', text(limit), 'told', text(told),
	'gate', text(gate), 'calm', text(calm), 'strangers', text(strangers), 'last', text(now), 'ahead', text(ahead))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, text(ask.ttl)) end

local reply = {epoch, version, now, limit, sure, calm, lost and 1 or 0}
for _, at in ipairs(slots) do table.insert(reply, math.floor(at)) end
return reply
