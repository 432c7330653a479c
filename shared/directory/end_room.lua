-- Release a room that has ended, and keep when that was, unless another worker has claimed it meanwhile.
-- KEYS[1]  the room's claim    KEYS[2]  when it ended: string, Unix time in s, and the suffix
-- ARGV[1]  the worker    ARGV[2]  lifetime of KEYS[2] in s    ARGV[3]  the suffix: " closed", or empty
-- returns  1 if the worker held it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], redis.call('TIME')[1] .. ARGV[3], 'EX', ARGV[2])
return redis.call('DEL', KEYS[1])
