-- One heartbeat of a worker: its status, its place in the list of workers, and the claims of its rooms.
-- KEYS[1]  zset of workers, scored by the server's time    KEYS[2]  the worker's status
-- KEYS[3]  zset of all claimed rooms (see claim_room.lua)    KEYS[4]  hash of their publishers' networks
-- KEYS[5..]  its claims
-- ARGV[1]  the worker    ARGV[2]  its status (msgpack)    ARGV[3]  lifetime in ms    ARGV[4]  sweep age in s
-- ARGV[5]  lifetime of a claim in ms    ARGV[6..] the rooms' names, in the order of KEYS[5..]
-- returns  the names of the rooms that another worker holds
local time = redis.call('TIME')
local now = tonumber(time[1])
local expires = now * 1000 + math.floor(time[2] / 1000) + ARGV[5]
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[4]))
local lost = {}
for i = 5, #KEYS do
  local room = ARGV[i + 1]
  local owner = redis.call('GET', KEYS[i])
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = room
  else
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[5])
    redis.call('ZADD', KEYS[3], expires, room)
  end
end
if #KEYS > 4 then
  redis.call('EXPIRE', KEYS[3], ARGV[4])
  redis.call('EXPIRE', KEYS[4], ARGV[4])
end
return lost
