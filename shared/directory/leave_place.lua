-- Count a room no longer.
-- KEYS[1..3]  as of take_place.lua    ARGV[1]  the room's name
local network = redis.call('HGET', KEYS[2], ARGV[1])
if network then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], network .. ' ' .. ARGV[1])
end
return redis.call('ZREM', KEYS[1], ARGV[1])
