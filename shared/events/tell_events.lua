-- Log events of one broadcast of a room, in order, each once, if anybody wants to know.
-- KEYS[1]  stream of events    KEYS[2]  hash: room -> '{broadcast} {number of its last event} {worker}', while
-- it lives    KEYS[3]  exists while there are receivers    KEYS[4]  hash: '@' -> number of the newest entry
-- KEYS[5]  hash: figure -> sum of what the room's viewers reported, which `room.ended` takes along
-- ARGV[1]  the room    ARGV[2]  the broadcast; '': events that belong to none    ARGV[3]  the worker
-- ARGV[4]  most entries of the stream    ARGV[5]  lifetime of it all in s
-- ARGV[6..]  for each event: id, type, Unix time, number, facts (JSON)
-- returns  1; 0: nobody wants them; -1: this broadcast is over, or was never told
if redis.call('EXISTS', KEYS[3]) == 0 then
  return 0
end
local room, broadcast, worker = ARGV[1], ARGV[2], ARGV[3]

local function log(id, kind, at, of, number, by, facts)
  if kind == 'room.ended' then
    local sums = redis.call('HGETALL', KEYS[5])
    for i = 1, #sums, 2 do
      sums[(i + 1) / 2] = '"' .. sums[i] .. '":' .. sums[i + 1]
    end
    if sums[1] then
      local rest = facts == '{}' and '}' or ',' .. string.sub(facts, 2)
      facts = '{"viewing":{' .. table.concat(sums, ',', 1, #sums / 2) .. '}' .. rest
      redis.call('DEL', KEYS[5])
    end
  end
  -- a gap in what a receiver reads tells how many entries were trimmed before that
  local entry = redis.call('HINCRBY', KEYS[4], '@', 1)
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'entry', entry, 'id', id, 'type', kind, 'room', room, 'at', at,
    'broadcast', of, 'number', number, 'worker', by, 'facts', facts)
end

local told, ended, number = 0, false
if broadcast ~= '' then
  local known, last, owner
  local life = redis.call('HGET', KEYS[2], room)
  if life then
    known, last, owner = string.match(life, '^(%S+) (%d+) (%S+)$')
  end
  for i = 6, #ARGV, 5 do
    ended = ended or ARGV[i + 1] == 'room.ended'
  end
  if known == broadcast then
    told = tonumber(last)
  elseif ARGV[9] ~= '1' then
    return -1
  elseif not ended then
    if known then  -- that worker is gone, or its own farewell comes too late
      local time = redis.call('TIME')
      log(known .. '-' .. (last + 1), 'room.ended', time[1] .. '.' .. string.format('%06d', time[2]), known,
        last + 1, owner, '{"reason":"moved"}')
    end
    redis.call('DEL', KEYS[5])  -- what came when the former broadcast was over
  end
end
for i = 6, #ARGV, 5 do
  number = tonumber(ARGV[i + 3])
  if broadcast == '' or number > told then
    log(ARGV[i], ARGV[i + 1], ARGV[i + 2], broadcast, number, worker, ARGV[i + 4])
  end
end
if broadcast ~= '' then
  if not ended then
    redis.call('HSET', KEYS[2], room, broadcast .. ' ' .. math.max(number, told) .. ' ' .. worker)
    redis.call('EXPIRE', KEYS[2], ARGV[5])
  elseif told > 0 and number > told then
    redis.call('HDEL', KEYS[2], room)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[4], ARGV[5])
return 1
