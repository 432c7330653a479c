-- Keep the last entry that a receiver has read, in the Redis that knows the one before.
-- KEYS[1]  as KEYS[3] of want_events.lua    ARGV[1]  the receiver    ARGV[2]  the one before: '{number} {id}'
-- ARGV[3]  the last one
-- returns  1; nothing: Redis has come back empty, whether the receiver has a place there by now or not
local known = redis.call('HGET', KEYS[1], ARGV[1])
local is_known = known == ARGV[2] or known == ARGV[3]
if is_known then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return is_known
