-- include epoch.lua
-- It writes, whatever it finds: a Redis that refuses writes has lost claims, and must not say that all are there.
-- KEYS[1]  the epoch    ARGV[1]  '1': nobody has claimed anything in this Redis: its epoch began long ago
-- returns  its age in ms
local age = epoch_age(KEYS[1])
local epoch = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1] == '1' and string.gsub(epoch, ' %d+$', ' 0') or epoch)
return age
