-- Claim a room for a worker, unless another worker holds it, or a limit is reached.
-- KEYS[1]  the room's claim: string, id of the owning worker
-- KEYS[2]  zset of all claimed rooms, scored by the server's time in ms at which their claims expire
-- KEYS[3]  hash of all claimed rooms -> the network of their publisher
-- ARGV[1]  the worker    ARGV[2]  lifetime in ms    ARGV[3]  the room's name    ARGV[4]  the network; '': unknown
-- ARGV[5]  rooms allowed in the cluster    ARGV[6]  rooms allowed to one network; 0: no limit
-- ARGV[7]  lifetime in s of the zset and the hash
-- returns  the owner: ARGV[1] when the claim succeeded; or 1: too many rooms; or 2: too many of this network
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return owner
end
local room, network = ARGV[3], ARGV[4]
local most, most_of_network = tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('ZREM', KEYS[2], expired)
  redis.call('HDEL', KEYS[3], expired)
end
if not owner and most > 0 and not redis.call('ZSCORE', KEYS[2], room) and redis.call('ZCARD', KEYS[2]) >= most then
  return 1
end
-- a publisher that comes back to its room counts there already
if network ~= '' and most_of_network > 0 and redis.call('HGET', KEYS[3], room) ~= network then
  local count = 0
  for _, other in ipairs(redis.call('HVALS', KEYS[3])) do
    if other == network then count = count + 1 end
  end
  if count >= most_of_network then
    return 2
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[2], room)
redis.call('HSET', KEYS[3], room, network)
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('EXPIRE', KEYS[3], ARGV[7])
return ARGV[1]
