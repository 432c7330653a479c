-- Add what a viewer's player reports to the sums of its room.
-- KEYS[1]  hash: figure -> sum
-- KEYS[2]  hash of that session: its room, whether that was listed, and how many reports it sent since when
-- ARGV[1]  the room    ARGV[2]  reports that it may send at once    ARGV[3]  s until it may send one more
-- ARGV[4]  lifetime of KEYS[2] in s    ARGV[5]  lifetime of the sums in s; 0: none are kept
-- ARGV[6..]  for each figure: its name, and what is added
-- returns  1; 2: it is added, and the room was not listed when the session began;
--          0: no such session watches, or did of late; -1: it reports too often
if redis.call('HGET', KEYS[2], 'room') ~= ARGV[1] then
  return 0
end
local now = tonumber(redis.call('TIME')[1])
redis.call('HSETNX', KEYS[2], 'since', now)
local since = tonumber(redis.call('HGET', KEYS[2], 'since'))
if redis.call('HINCRBY', KEYS[2], 'reports', 1) > ARGV[2] + (now - since) / ARGV[3] then
  redis.call('HINCRBY', KEYS[2], 'reports', -1)
  return -1
end
redis.call('EXPIRE', KEYS[2], ARGV[4])
if ARGV[5] ~= '0' then
  for i = 6, #ARGV, 2 do
    redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  end
  redis.call('EXPIRE', KEYS[1], ARGV[5])
end
if redis.call('HGET', KEYS[2], 'listed') == '0' then
  return 2
end
return 1
