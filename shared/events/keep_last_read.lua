-- Keep the last entry that a receiver has read, in the Redis that knows the one before.
-- KEYS[1]  as KEYS[3] of want_events.lua    ARGV[1]  the receiver    ARGV[2]  the one before: '{number} {id}'
-- ARGV[3]  the last one
-- returns  the one that is kept then: ARGV[3], or another one, which stays; nothing: there is none
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known == ARGV[2] or known == ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  return ARGV[3]
end
return known
