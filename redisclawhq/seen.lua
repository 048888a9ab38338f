-- This script changes the record of an event in one step.
--
-- KEYS  the record: "claim TOKEN" while a receiver handles the event, "done TOKEN"
--       after it was handled; it expires with the lease, or when it need not be kept
-- ARGV  claim, done or forget; the token of the receiver's claim; milliseconds for
--       which a record that is written lasts
-- It returns what the record is now: mine, done, absent, or another's, in the latter
-- case with the milliseconds until the lease ends.
local record, verb, token, lasts = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('GET', record)
local mine = not found or found == 'claim ' .. token
if verb == 'claim' and mine then
	redis.call('SET', record, 'claim ' .. token, 'PX', lasts)
	return {'mine', 0}
elseif verb == 'done' and mine then
	redis.call('SET', record, 'done ' .. token, 'PX', lasts)
	return {'mine', 0}
elseif verb == 'forget' and mine then
	redis.call('DEL', record)
	return {'absent', 0}
elseif found == 'done ' .. token then -- Redis has received this request before
	return {'mine', 0}
elseif string.sub(found, 1, 4) == 'done' then
	return {'done', 0}
end
return {'another', redis.call('PTTL', record)}
