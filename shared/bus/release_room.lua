-- Release a room, unless another worker has claimed it meanwhile.
-- KEYS[1]  the room's claim    KEYS[2]  zset of all claimed rooms    KEYS[3]  hash of their publishers' networks
-- ARGV[1]  the worker    ARGV[2]  the room's name
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
end
return 0
