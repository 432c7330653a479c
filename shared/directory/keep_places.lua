-- Keep the places of rooms whose claims were renewed, also those that Redis has lost or a claim has forgotten.
-- KEYS[1..3]  as of take_place.lua
-- ARGV[1]  lifetime of a place in ms    ARGV[2]  lifetime in s of the keys
-- ARGV[3..]  room, the network for which it counts ('': none), room, network ...
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for first = 3, #ARGV, 1000 do
  local entries = {}
  for i = first, math.min(first + 999, #ARGV), 2 do
    entries[#entries + 1] = expires
    entries[#entries + 1] = ARGV[i]
    -- a network that is there may be that of a later publisher
    if ARGV[i + 1] ~= '' and redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 1 then
      redis.call('ZADD', KEYS[3], 0, ARGV[i + 1] .. ' ' .. ARGV[i])
    end
  end
  redis.call('ZADD', KEYS[1], unpack(entries))
end
for _, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, ARGV[2])
end
