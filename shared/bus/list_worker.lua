-- Put a worker into the lists of workers, with the server's time, and with its burden where it takes clients.
-- KEYS[1]  zset of workers, scored by the server's time
-- KEYS[2]  zset of those that take publishers, scored by their burden    KEYS[3]  the same for viewers
-- ARGV[1]  the worker    ARGV[2]  age in s after which a silent worker is removed
-- ARGV[3]  its burden for publishers; '': it takes none    ARGV[4]  the same for viewers
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
for i = 2, 3 do
  if ARGV[i + 1] == '' then
    redis.call('ZREM', KEYS[i], ARGV[1])
  else
    redis.call('ZADD', KEYS[i], ARGV[i + 1], ARGV[1])
    redis.call('EXPIRE', KEYS[i], ARGV[2])
  end
end
return 1
