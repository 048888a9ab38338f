-- This script keeps the calls of many machines inside one sliding window. Only
-- this script writes to the window's keys, so that all machines follow the same
-- plan. All times are microseconds of the Redis server's clock.
--
-- KEYS  log    sorted set: ids of slots, scored by the time when their calls are sent
--       free   sorted set: the slots in log that were returned before they were due
--       state  hash: what is known of the window
-- ARGV  the request, as JSON (see the type request in trip.go), and the channel
--       on which the script publishes that the plan has changed
local log, free, state = KEYS[1], KEYS[2], KEYS[3]
local request, channel = cjson.decode(ARGV[1]), ARGV[2]
local window = request.window
local span = window + request.margin -- how long a sent call occupies its slot

local function text(n) return string.format('%.0f', n) end

local stored = redis.call('HMGET', state,
	'epoch', 'version', 'limit', 'limit_at', 'gate', 'slow_until', 'foreign_until', 'last_now', 'clock_offset')
local function stored_number(i) return tonumber(stored[i] or 0) end
local epoch, version = stored[1], stored_number(2)
local limit = stored_number(3) -- calls per window
local limit_at = stored_number(4) -- when the call was sent whose reply reported the limit
local gate = stored_number(5) -- no call is sent before this time
local slow_until = stored_number(6) -- slots keep a distance from each other until this time
local foreign_until = stored_number(7) -- the log may hold foreign calls until this time

-- After a failover, the clock of the new server may be behind. The script then
-- adds an offset, so that its time does not go back.
local time = redis.call('TIME')
local now, last_now, clock_offset = time[1] * 1000000 + time[2], stored_number(8), stored_number(9)
if now + clock_offset < last_now then clock_offset = last_now - now end
now = now + clock_offset

local plan_changed, lost, emptied = false, false, false
if not epoch then
	epoch, version, limit = request.new_epoch, 1, request.limit
	if request.epoch then -- the machine knew a log, which no longer exists
		slow_until, emptied = now + request.slow_start, true
	end
end
if request.epoch and request.epoch ~= epoch then lost = true end
if request.away then slow_until = math.max(slow_until, now + request.slow_start) end

redis.call('ZREMRANGEBYSCORE', log, '-inf', text(now - 2 * window))
if redis.call('EXISTS', free) == 1 then -- a returned slot that is now due stays unused: remove it
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', free, '-inf', text(now))) do
		redis.call('ZREM', log, id)
		redis.call('ZREM', free, id)
	end
end

for _, id in ipairs(request.returned or {}) do
	local at = tonumber(redis.call('ZSCORE', log, id) or '')
	if at and at > now then
		redis.call('ZADD', free, text(at), id)
	elseif at then
		redis.call('ZREM', log, id)
	end
end

-- A foreign call is one that a reply counts but the log does not contain. The
-- time at which it was sent is a guess.
local foreign_ids -- the ids of foreign calls, the oldest first; read when first needed
local function forget_foreign()
	if foreign_until <= now then return end
	if not foreign_ids then
		foreign_ids = {}
		for _, id in ipairs(redis.call('ZRANGEBYSCORE', log, text(now - span), text(now))) do
			if string.sub(id, 1, 1) == 'x' then foreign_ids[#foreign_ids + 1] = id end
		end
	end
	if #foreign_ids > 0 then redis.call('ZREM', log, table.remove(foreign_ids, 1)) end
end

for _, call in ipairs(request.sent or {}) do
	local new = redis.call('ZADD', log, text(math.min(call.at, now)), call.id)
	if new == 1 and call.at > now - span then -- the plan did not take this call into account
		forget_foreign()
		plan_changed = true
	end
end

-- Replies report the limit, the number of calls in the window, and 429s.
local function count(from, to) return redis.call('ZCOUNT', log, '(' .. text(from), text(to)) end
for _, reply in ipairs(request.replies or {}) do
	if reply.limit > 0 and reply.at >= limit_at then
		plan_changed = plan_changed or reply.limit ~= limit
		limit, limit_at = reply.limit, reply.at
	end
	local counted = reply.counted
	if reply.pause > 0 then -- a 429
		local open = reply.at + reply.took + reply.pause
		plan_changed = plan_changed or open > gate + 500000
		if open > gate then gate, slow_until = open, math.max(slow_until, open + request.slow_start) end
		if foreign_until > now - window and limit > 0 then counted = limit end
	end
	if counted >= 0 then
		-- A call near either end of the server's window may have arrived on
		-- either side of that end. So the log only gives the most and the
		-- least number of calls that the server can have counted.
		local slack = math.max(request.margin, math.min(reply.took, 1000000))
		local most = count(reply.at - window - slack, reply.at + slack)
		local least = count(reply.at - window + slack, reply.at - slack)
		if counted > most then -- another program uses the key, or the log was emptied
			local missing = counted - most
			plan_changed = plan_changed or missing > limit / 20
			for i = 1, missing do
				local at = reply.at - window * (missing - i) / missing
				redis.call('ZADD', log, text(at), 'x' .. text(reply.at) .. '.' .. i)
			end
			foreign_until, foreign_ids = math.max(foreign_until, reply.at + span), nil
		else -- there may be fewer foreign calls than were guessed
			for _ = counted + 1, least do forget_foreign() end
		end
	end
end

if emptied or plan_changed and redis.call('ZCOUNT', log, '(' .. text(now), '+inf') > 0 then
	-- Slots that lie in the future are no longer valid.
	version = version + 1
	redis.call('ZREMRANGEBYSCORE', log, '(' .. text(now), '+inf')
	redis.call('DEL', free)
	redis.pcall('PUBLISH', channel, cjson.encode({epoch = epoch, version = version, window = request.name}))
end

-- A slot is free when fewer calls than the limit are in the window. That is when
-- the n-th latest call in the log has left the window, where n is the limit.
local size = limit
if size == 0 then size = request.default_limit end
if request.max_rate > 0 then size = math.min(size, request.max_rate) end
local function nth_latest(before)
	local found = redis.call('ZREVRANGEBYSCORE', log, before, '-inf', 'WITHSCORES', 'LIMIT', size - 1, 1)
	return tonumber(found[2] or 0)
end
local slots = {}
local want = request.want
if lost then want = 0 end
for i = 1, want do
	local id = request.machine .. '-' .. text(request.first + i - 1)
	local at = tonumber(redis.call('ZSCORE', log, id) or '') -- set if Redis has received this request before
	if not at then
		local returned = redis.call('ZRANGEBYSCORE', free, text(math.max(now, gate)), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
		at = tonumber(returned[2] or '')
		if not at then
			at = math.max(now, gate, nth_latest('+inf') + span)
			if at < slow_until then
				local latest = redis.call('ZREVRANGE', log, 0, 0, 'WITHSCORES')
				at = math.max(at, tonumber(latest[2] or 0) + math.max(window / size, request.min_gap))
			end
		end
		if i > 1 and at > now then break end -- only one slot in the future per request, so that machines take turns
		if returned[1] then
			redis.call('ZREM', free, returned[1])
			redis.call('ZREM', log, returned[1])
		end
		redis.call('ZADD', log, text(at), id)
	end
	slots[i] = at
end

-- The calls that were already sent prove that no slot is free before this time.
local earliest = gate
if limit > 0 and limit_at > now - window and foreign_until <= now then
	earliest = math.max(earliest, nth_latest(text(now)) + span)
end

redis.call('HSET', state, 'epoch', epoch, 'version', text(version), 'limit', text(limit), 'limit_at', text(limit_at),
	'gate', text(gate), 'slow_until', text(slow_until), 'foreign_until', text(foreign_until), 'last_now', text(now), 'clock_offset', text(clock_offset))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, text(request.ttl)) end

local reply = {epoch, version, now, limit, earliest, slow_until, lost and 1 or 0}
for _, at in ipairs(slots) do table.insert(reply, math.floor(at)) end
return reply
