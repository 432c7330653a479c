-- include changes.lua
-- Write a worker's status and its place among the workers, and what changed in the records of its rooms.
-- KEYS[1]  its status: string    KEYS[2]  hash: room -> its record; '@' -> the version of all of them
-- KEYS[3]  stream of changes    KEYS[4]  zset of workers, scored by the server's time
-- KEYS[5]  zset of those that take publishers, scored by their burden    KEYS[6]  the same for viewers
-- KEYS[7]  whether no worker was heard for as long as a claim lives, until a moment ago: string
-- ARGV[1]  the status    ARGV[2]  lifetime in ms    ARGV[3]  the version that must be there; '*': begin anew
-- ARGV[4]  the version from now on    ARGV[5]  the worker    ARGV[6]  its burden for publishers; '': it takes none
-- ARGV[7]  the same for viewers    ARGV[8]  age in s after which a silent worker is removed
-- ARGV[9]  the change, for the stream; '': none    ARGV[10]  lifetime of an entry there in ms
-- ARGV[11]  how long a claim lives, in ms
-- ARGV[12]  how many records follow    ARGV[13..]  room, record, room, record ... and then the rooms that have ended
-- returns  1, or nothing when another version is there: then the records stay as they are, to be sent anew
local time = redis.call('TIME')
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])

local function write_records()
  if ARGV[3] == '*' then
    redis.call('DEL', KEYS[2])
  elseif redis.call('HGET', KEYS[2], '@') ~= ARGV[3] then
    return false
  end
  local last = 12 + 2 * tonumber(ARGV[12])
  for first = 13, last, 1000 do
    redis.call('HSET', KEYS[2], unpack(ARGV, first, math.min(first + 999, last)))
  end
  for first = last + 1, #ARGV, 1000 do
    redis.call('HDEL', KEYS[2], unpack(ARGV, first, math.min(first + 999, #ARGV)))
  end
  if ARGV[4] ~= ARGV[3] then
    redis.call('HSET', KEYS[2], '@', ARGV[4])
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return true
end

local is_written = write_records()
if ARGV[9] ~= '' then
  log_change(KEYS[3], ARGV[9], ARGV[10], ARGV[8])
end

local now = time[1] + time[2] / 1000000
local latest = redis.call('ZRANGE', KEYS[4], -1, -1, 'WITHSCORES')[2]
if latest and now - latest >= ARGV[11] / 1000 then
  redis.call('SET', KEYS[7], '1', 'PX', ARGV[11])
end
redis.call('ZADD', KEYS[4], now, ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[8])
for i = 5, 6 do
  if ARGV[i + 1] == '' then
    redis.call('ZREM', KEYS[i], ARGV[5])
  else
    redis.call('ZADD', KEYS[i], ARGV[i + 1], ARGV[5])
    redis.call('EXPIRE', KEYS[i], ARGV[8])
  end
end
return is_written
