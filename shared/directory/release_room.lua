-- Release a room that was never open, or a lease, unless another worker has claimed it meanwhile.
-- KEYS[1]  the room's claim    ARGV[1]  the worker
-- returns  1 if the worker held it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
