-- include epoch.lua
-- KEYS[1]  the epoch    ARGV[1]  '1': nobody has claimed anything in this Redis: its epoch began long ago
-- returns  its age in ms
local age = epoch_age(KEYS[1])
if ARGV[1] == '1' then
  redis.call('SET', KEYS[1], (string.gsub(redis.call('GET', KEYS[1]), ' %d+$', ' 0')))
end
return age
