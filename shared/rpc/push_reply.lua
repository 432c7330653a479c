-- Append a reply to its caller's list, unless the caller has given up.
-- KEYS[1]  the list    ARGV[1]  the reply    ARGV[2]  lifetime of the list in s
-- ARGV[3]  the request's deadline, Unix time of this clock in s
-- returns  1, or 0 when it is past the deadline
local time = redis.call('TIME')
if time[1] + time[2] / 1000000 >= tonumber(ARGV[3]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
