-- Keep the last entry that a receiver has read, if Redis knows the receiver.
-- KEYS[1]  as KEYS[3] of want_events.lua    ARGV[1]  the receiver    ARGV[2]  '{number} {id}'
-- returns  1, or 0 if it does not
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
