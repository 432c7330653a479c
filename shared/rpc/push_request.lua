-- Append a request to a worker's list, unless the worker has left, or too many wait there already.
-- KEYS[1]  the list    ARGV[1]  the request    ARGV[2]  how many may wait    ARGV[3]  lifetime of the list in s
-- ARGV[4]  the request's deadline, Unix time of this clock in s    ARGV[5]  the most that may be left until then
-- ARGV[6]  the mark of a closed list (see close_requests.lua)    ARGV[7]  the worker
-- KEYS[2]  alone: what must exist. With KEYS[3]: a claim that the worker must hold, where KEYS[3] must not exist
-- returns  1, 0 when the list is full, -1 when the deadline cannot be right: it was made by another clock,
--          -2 when the worker has closed the list, or -3 when it is not as KEYS[2] and KEYS[3] say
if KEYS[3] then
  if redis.call('GET', KEYS[2]) ~= ARGV[7] or redis.call('EXISTS', KEYS[3]) == 1 then
    return -3
  end
elseif KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then
  return -3
end
if redis.call('LINDEX', KEYS[1], 0) == ARGV[6] then
  return -2
end
local time = redis.call('TIME')
local left = tonumber(ARGV[4]) - (time[1] + time[2] / 1000000)
if left <= 0 or left > tonumber(ARGV[5]) then
  return -1
end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
