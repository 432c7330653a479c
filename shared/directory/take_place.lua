-- Count a claimed room among all rooms and among those of its publisher's network, unless a limit is reached.
-- KEYS[1]  zset of all claimed rooms, scored by the server's time in ms until which they count
-- KEYS[2]  hash of all claimed rooms -> the network of their publisher
-- KEYS[3]  zset of '{network} {room}', all scored 0: in the order of their networks
-- ARGV[1]  the room's name    ARGV[2]  the network; '': unknown    ARGV[3]  lifetime in ms
-- ARGV[4]  rooms allowed in the cluster    ARGV[5]  rooms allowed to one network; 0: no limit
-- ARGV[6]  lifetime in s of the keys
-- returns  nothing; or 1: too many rooms; or 2: too many of this network
local room, network = ARGV[1], ARGV[2]
local most, most_of_network = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(gone)
  local of = redis.call('HGET', KEYS[2], gone)
  if of then
    redis.call('HDEL', KEYS[2], gone)
    redis.call('ZREM', KEYS[3], of .. ' ' .. gone)
  end
  redis.call('ZREM', KEYS[1], gone)
end

-- Rooms whose time is over count no longer, whether they are forgotten yet or not. So a claim forgets a few of
-- them only: of a part of the cluster that died, the next claims would each pay for a thousand.
for _, expired in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 4)) do
  forget(expired)
end
local function counts(name)
  local expires = redis.call('ZSCORE', KEYS[1], name)
  return expires and tonumber(expires) > now
end

local had_place = counts(room)
if most > 0 and not had_place and redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf') >= most then
  return 1
end
local before = redis.call('HGET', KEYS[2], room)
-- a publisher that comes back to its room counts there already
if network ~= '' and most_of_network > 0 and not (had_place and before == network) then
  local count = 0
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[3], '[' .. network .. ' ', '(' .. network .. '!')) do
    local other = string.sub(entry, #network + 2)
    if counts(other) then
      count = count + 1
    else -- its time is over
      forget(other)
    end
  end
  if count >= most_of_network then
    return 2
  end
end
if before and before ~= network then
  redis.call('ZREM', KEYS[3], before .. ' ' .. room)
end
redis.call('ZADD', KEYS[1], now + ARGV[3], room)
if network ~= '' and most_of_network > 0 then
  redis.call('HSET', KEYS[2], room, network)
  redis.call('ZADD', KEYS[3], 0, network .. ' ' .. room)
elseif before then
  redis.call('HDEL', KEYS[2], room)
end
for _, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, ARGV[6])
end
