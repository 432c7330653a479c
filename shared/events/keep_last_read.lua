-- Keep the last entry that a receiver has read, in the Redis that knows the one before.
-- KEYS[1]  as KEYS[3] of want_events.lua    ARGV[1]  the receiver    ARGV[2]  the one before: '{number} {id}'
-- ARGV[3]  the last one
-- returns  1; 0: Redis has come back empty, whether the receiver has a place there by now or not
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known ~= ARGV[2] and known ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
