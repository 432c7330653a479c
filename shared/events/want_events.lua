-- Have workers tell their events, and make a consumer group for each receiver that has none.
-- All at once: otherwise Redis could be emptied in between, and events would come that no group gets.
-- KEYS[1]  stream of events    KEYS[2]  exists while there are receivers
-- KEYS[3]  hash: '@' -> number of the newest entry, receiver -> '{number} {id}' of the last that it has read, or
--          '{number} 0-{microseconds}' of when it was made: in a Redis that was emptied it is another one
-- KEYS[4]  hash of the broadcasts that are under way, as KEYS[2] of tell_events.lua
-- ARGV[1]  lifetime of KEYS[2] in s    ARGV[2]  lifetime of the others in s    ARGV[3..]  the receivers' groups
local time = redis.call('TIME')
local beginning = ' 0-' .. time[1] .. string.format('%06d', time[2])
for i = 3, #ARGV do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[i], '$', 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP') then
    return made
  end
  redis.call('HSETNX', KEYS[3], ARGV[i], (redis.call('HGET', KEYS[3], '@') or '0') .. beginning)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])  -- with it the groups would end, also of receivers that wait for a first event
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[2])  -- a room may be live for longer than all rooms are quiet
redis.call('SET', KEYS[2], '', 'EX', ARGV[1])
