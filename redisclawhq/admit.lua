-- This script keeps the calls of many machines inside one sliding window. A slot
-- is only given to a call that is sent at once. Machines whose callers must wait
-- stand in a line, and ask again when their turn comes. Times are microseconds of
-- the Redis server's clock; in the request and in the answer they are relative to
-- now, but for request.at and the answer's last item.
--
-- KEYS  log    sorted set: ids of calls, scored by the time when they are sent
--       line   sorted set: machines that wait, in order
--       until  sorted set: the same machines, scored by the time when they lose
--              their places unless they ask again
--       state  hash: what is known of the window
-- ARGV  the request, as JSON (see the type request in script.go); the channel on
--       which the script publishes that others should ask again, and what it publishes
local log, line, until_, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local request = cjson.decode(ARGV[1])
local window = request.window
local span = window + request.margin -- how long a call occupies its slot

local function text(n) return string.format('%.0f', n) end

local stored = redis.call('HMGET', state, 'epoch', 'version', 'limit', 'limit_at', 'gate', 'slow_until',
	'foreign_until', 'foreground_until', 'background_at', 'last_now', 'clock_offset', 'born')
local function stored_number(i) return tonumber(stored[i] or 0) end
local epoch, version = stored[1], stored_number(2)
local limit = stored_number(3) -- calls per window; 0 if not known
local limit_at = stored_number(4) -- when the call was sent whose reply reported the limit
local gate = stored_number(5) -- no call is sent before this time
local slow_until = stored_number(6) -- calls keep a distance from each other until this time
local foreign_until = stored_number(7) -- the log may hold foreign calls until this time
local foreground_until = stored_number(8) -- the log may hold foreground calls until this time
local background_at = stored_number(9) -- no background call is sent before this time
local born = stored_number(12) -- when the epoch began

-- After a failover, the clock of the new server may be behind. The script then
-- adds an offset, so that its time does not go back.
local time = redis.call('TIME')
local now, last_now, clock_offset = time[1] * 1000000 + time[2], stored_number(10), stored_number(11)
if now + clock_offset < last_now then clock_offset = last_now - now end
now = now + clock_offset

-- A request that comes so late that its machine has given it up is not carried out.
if request.at > 0 and now - request.at > request.within then return {epoch or '', version, limit, 0, 0, 0, 0, 0, 2, now} end

-- These commands change nothing that matters, but fail if a later one would: for
-- want of a right, of memory, or of a primary. So the script does all of its work or
-- none.
for _, key in ipairs({log, line, until_}) do redis.call('ZADD', key, 'XX', 0, '') end
redis.call('ZREM', log, '')
redis.call('ZRANGE', log, 0, 0)
redis.call('ZCOUNT', log, 1, 0)
redis.call('ZSCORE', log, '')
redis.call('PEXPIRE', state, text(request.ttl))
redis.call('HSET', state, 'last_now', text(now))

-- A log has an epoch. If Redis has lost the log, or an older one has taken its
-- place, a new epoch begins, and the machines that knew another one add their calls.
-- An older log is told by its version, which rises with every run.
local changed = false -- others should ask again
local known = request.epoch -- nil if the machine has not seen the log within the last window
if not epoch or known == epoch and request.version > version then
	changed = true
	epoch, version, born = request.new_epoch, math.max(version, request.version), now
	if request.limit > 0 then limit = request.limit end
end
if limit == 0 then limit = request.limit end
local lost = known and known ~= epoch
if lost then gate = math.max(gate, born + request.short_beat) end -- others add their calls first
if request.away and slow_until <= now then gate = math.max(gate, now + request.short_beat) end -- likewise
if lost or request.away then slow_until = math.max(slow_until, gate + request.slow_start) end

for _, id in ipairs(redis.call('ZRANGE', log, '-inf', text(now - 2 * window), 'BYSCORE')) do redis.call('ZREM', log, id) end
for _, machine in ipairs(redis.call('ZRANGE', until_, '-inf', text(now), 'BYSCORE')) do
	redis.call('ZREM', line, machine)
	redis.call('ZREM', until_, machine)
end
for _, id in ipairs(request.returned or {}) do
	if redis.call('ZREM', log, id) == 1 then changed = true end
end

-- A foreign call is one that a reply counts but the log does not contain. The
-- time at which it was sent is a guess.
local foreign_ids -- the ids of foreign calls, the oldest first; read when first needed
local function forget_foreign()
	if foreign_until <= now then return end
	if not foreign_ids then
		foreign_ids = {}
		for _, id in ipairs(redis.call('ZRANGE', log, text(now - span), text(now), 'BYSCORE')) do
			if string.sub(id, 1, 1) == 'x' then foreign_ids[#foreign_ids + 1] = id end
		end
	end
	if #foreign_ids > 0 then redis.call('ZREM', log, table.remove(foreign_ids, 1)) end
end

for _, call in ipairs(request.sent or {}) do
	local new = redis.call('ZADD', log, text(now - call.age), call.id)
	if new == 1 and call.age < span then forget_foreign() end
end

-- Replies report the limit, the number of calls in the window, and 429s.
local function count(from, to) return redis.call('ZCOUNT', log, '(' .. text(from), text(to)) end
for _, reply in ipairs(request.replies or {}) do
	local at = now - reply.age -- when the call was sent
	if reply.limit > 0 and at >= limit_at then
		changed = changed or reply.limit ~= limit
		limit, limit_at = reply.limit, at
	end
	local counted = reply.counted
	if reply.pause > 0 then -- a 429
		local open = at + reply.took + reply.pause
		if open > gate then gate, slow_until = open, math.max(slow_until, open + request.slow_start) end
		if foreign_until > now - window and limit > 0 then counted = limit end
	end
	if counted >= 0 then
		-- A call near either end of the server's window may have arrived on
		-- either side of that end. So the log only gives the most and the
		-- least number of calls that the server can have counted.
		local slack = math.max(request.margin, math.min(reply.took, 1000000))
		local most = count(at - window - slack, at + slack)
		local least = count(at - window + slack, at - slack)
		if counted > most then -- another program uses the key, or the log was emptied
			local missing = counted - most
			for i = 1, missing do
				redis.call('ZADD', log, text(at - window * (missing - i) / missing), 'x' .. text(at) .. '.' .. i)
			end
			foreign_until, foreign_ids = math.max(foreign_until, at + span), nil
		else -- there may be fewer foreign calls than were guessed
			for _ = counted + 1, least do forget_foreign() end
		end
	end
end

local size = limit -- calls that may be in the window
if size == 0 then size = request.default_limit end
if request.max_rate > 0 then size = math.min(size, request.max_rate) end
local gap = math.max(window / size, request.min_gap)

-- Background calls are spread over the window, and leave a tenth of it to others.
local reserve, spread = 0, 0
if request.background then
	spread = span / size
	if foreground_until > now or foreign_until > now then reserve = math.floor(size / 10) end
end

-- room returns when the window has room for n calls.
local function room(n)
	if n > size then return now + window end
	local nth_latest = redis.call('ZRANGE', log, size - n, size - n, 'REV', 'WITHSCORES')
	return math.max(gate, (nth_latest[2] or 0) + span)
end

-- turn returns when a call is due that has the given number of calls before it.
local function turn(before)
	local at = math.max(now, room(reserve + before + 1))
	if spread > 0 then at = math.max(at, background_at + before * spread) end
	if at < slow_until then
		local latest = redis.call('ZRANGE', log, 0, 0, 'REV', 'WITHSCORES')
		at = math.max(at, gate + before * gap, (latest[2] or 0) + (before + 1) * gap)
	end
	return at
end

-- Those who wait go first. A machine gets its part of what they leave.
local background_place = 2 ^ 53 -- added to the place of a machine in the background
local place = tonumber(redis.call('ZSCORE', line, request.machine) or '')
if place and (place > background_place) ~= (request.background or false) then place = nil end
redis.call('ZREM', line, request.machine)
redis.call('ZREM', until_, request.machine)
local last = background_place -- behind all places of its kind
if request.background then last = 2 * last end
local function places(before) return redis.call('ZCOUNT', line, '-inf', '(' .. text(before)) end
local ahead = places(place or last)
local granted, want = 0, request.want
local function id(i) return request.machine .. '-' .. text(request.first + i) end
if want > 0 and redis.call('ZSCORE', log, id(0)) then -- Redis has received this request before
	repeat granted = granted + 1 until granted == want or not redis.call('ZSCORE', log, id(granted))
elseif want > 0 and not lost and turn(ahead) <= now then
	local free = size - reserve - redis.call('ZCOUNT', log, '(' .. text(now - span), '+inf') - ahead
	local waiting = redis.call('ZCOUNT', until_, '-inf', text(now + request.grace + 100000)) -- whose turn has come
	granted = math.min(want, math.ceil(free / math.max(1, waiting - ahead + 1)))
	if now < slow_until or request.background then granted = 1 end
	for i = 0, granted - 1 do redis.call('ZADD', log, text(now), id(i)) end
	if request.background then
		background_at = math.max(background_at, now - spread) + spread
	else
		foreground_until = now + span
	end
end

-- A machine that still has callers waits in the line, behind all others if it has
-- had its turn. It has no place if its turn comes after its callers have left.
if granted > 0 or not place then ahead = places(last) end
local due = turn(ahead) - now
local in_time = request.patience == 0 or due <= request.patience
local ask = due + 1000 * ahead -- those whose turns come together do not ask together
local beat = math.max(request.beat, due / 2)
if limit == 0 or not in_time then beat = request.short_beat end
if ask > beat then ask = math.min(ask, beat * (1 + 0.3 * request.random)) end
if want > granted and in_time then
	if granted > 0 or not place then
		place = now
		if request.background then place = place + background_place end
	end
	redis.call('ZADD', line, text(place), request.machine)
	redis.call('ZADD', until_, text(now + ask + request.grace), request.machine)
end

-- The calls that were already sent prove that no slot is free before this time.
local proven = gate
if limit > 0 and limit_at > now - window and foreign_until <= now then proven = room(1) end

redis.call('HSET', state, 'epoch', epoch, 'version', text(version + 1), 'limit', text(limit), 'limit_at', text(limit_at),
	'gate', text(gate), 'slow_until', text(slow_until), 'foreign_until', text(foreign_until), 'foreground_until', text(foreground_until),
	'background_at', text(background_at), 'born', text(born), 'last_now', text(now), 'clock_offset', text(clock_offset))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, text(request.ttl)) end
if changed then redis.pcall('PUBLISH', ARGV[2], ARGV[3]) end

local answer = {epoch, version + 1, limit, granted}
for i, at in ipairs({due, ask, proven - now, slow_until - now}) do answer[4 + i] = math.ceil(at) end
answer[9], answer[10] = lost and 1 or 0, now
return answer
