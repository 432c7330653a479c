-- Release a room, unless another worker has claimed it meanwhile.
-- KEYS[1]  the room's claim    ARGV[1]  the worker
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 0
