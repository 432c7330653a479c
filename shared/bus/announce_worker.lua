-- Write a worker's status, and what changed in the records of its rooms.
-- KEYS[1]  its status: string    KEYS[2]  hash: room -> its record; '@' -> the version of all of them
-- ARGV[1]  the status    ARGV[2]  lifetime in ms    ARGV[3]  the version that must be there; '*': begin anew
-- ARGV[4]  the version from now on    ARGV[5]  how many records follow    ARGV[6..]  room, record, room, record ...
-- and then the rooms that have ended
-- returns  1, or 0 when another version is there: then the records stay as they are, to be sent anew
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] == '*' then
  redis.call('DEL', KEYS[2])
elseif redis.call('HGET', KEYS[2], '@') ~= ARGV[3] then
  return 0
end
local last = 5 + 2 * tonumber(ARGV[5])
for first = 6, last, 1000 do
  redis.call('HSET', KEYS[2], unpack(ARGV, first, math.min(first + 999, last)))
end
for first = last + 1, #ARGV, 1000 do
  redis.call('HDEL', KEYS[2], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
if ARGV[4] ~= ARGV[3] then
  redis.call('HSET', KEYS[2], '@', ARGV[4])
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
