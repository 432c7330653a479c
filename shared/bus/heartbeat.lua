-- One heartbeat of a worker: its hold on its id, its status, its place in the list of workers, its rooms' claims.
-- KEYS[1]  zset of workers, scored by the server's time    KEYS[2]  the worker's status
-- KEYS[3]  the process that has the worker's id
-- KEYS[4]  zset of all claimed rooms (see claim_room.lua)    KEYS[5]  hash of their publishers' networks
-- KEYS[6..]  its claims
-- ARGV[1]  the worker    ARGV[2]  its status (msgpack)    ARGV[3]  lifetime in ms    ARGV[4]  sweep age in s
-- ARGV[5]  lifetime of a claim in ms    ARGV[6]  this process    ARGV[7]  lifetime of its hold in ms
-- ARGV[8..] the rooms' names, in the order of KEYS[6..]
-- returns  the names of the rooms that another worker holds; nil, and nothing is done, if another process has the id
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[6] then
  return false
end
redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[7])
local time = redis.call('TIME')
local now = tonumber(time[1])
local expires = now * 1000 + math.floor(time[2] / 1000) + ARGV[5]
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[4]))
local lost = {}
for i = 6, #KEYS do
  local room = ARGV[i + 2]
  local owner = redis.call('GET', KEYS[i])
  if owner and owner ~= ARGV[1] then
    lost[#lost + 1] = room
  else
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[5])
    redis.call('ZADD', KEYS[4], expires, room)
  end
end
if #KEYS > 5 then
  redis.call('EXPIRE', KEYS[4], ARGV[4])
  redis.call('EXPIRE', KEYS[5], ARGV[4])
end
return lost
