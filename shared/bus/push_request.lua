-- Append a request to a worker's list, unless too many wait there already.
-- KEYS[1]  the list    ARGV[1]  the request    ARGV[2]  how many may wait    ARGV[3]  lifetime of the list in s
-- returns  1, or 0 when the list is full
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
