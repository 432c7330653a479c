-- Put documents into a book, each unless a later one of its name is there, and log them.
-- KEYS[1]  hash: name -> stamp and packed document, "@" -> version: the last entry of the log
-- KEYS[2]  sorted set: name -> when it ends, in Unix seconds    KEYS[3]  stream: the log
-- KEYS[4]  if this is to be told: stream of events    KEYS[5]  hash: '@' -> number of its newest entry
-- KEYS[6]  exists while somebody wants to know
-- ARGV[1]  how many the book may hold    ARGV[2]  entries of the log    ARGV[3]  lifetime of the log in seconds
-- ARGV[4]  how many arguments follow that say what is told: none, or most entries of the stream of events, its
--   lifetime in s, the event's id (%s: the stamp of what was put), and names and values of its other fields
-- then for each document: name, stamp, end, packed document
--   stamp "": now, and later than what is there; "=" and a stamp: the same, if what is there has that stamp
--   (none: if nothing is there, or it has ended)
-- returns  how many were put (-1: the book is full; those before are put, and none that follows), the version
--   before, the version now, and the stamp of what was put last
local time = redis.call('TIME')
local seconds = tonumber(time[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', seconds, 'LIMIT', 0, 100)) do
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
end

local function has_ended(name)
  return tonumber(redis.call('ZSCORE', KEYS[2], name) or 0) <= seconds + tonumber(time[2]) / 1000000
end

local before = redis.call('HGET', KEYS[1], '@') or ''
local put, version, last_stamp = 0, before, ''
local told = tonumber(ARGV[4])
for at = 5 + told, #ARGV, 4 do
  local name, stamp, ends, body = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local held = redis.call('HGET', KEYS[1], name)
  if not held and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[1]) then
    return {-1, before, version, last_stamp}
  end
  local earlier = held and string.sub(held, 1, 16) or ''
  if stamp == '' or stamp == '=' .. earlier or (stamp == '=' and has_ended(name)) then
    local now = seconds * 1000000 + tonumber(time[2])
    if held then
      now = math.max(now, tonumber(earlier) + 1)
    end
    stamp = string.format('%016.0f', now)
  elseif string.match(stamp, '^=') then
    stamp = ''  -- another one is there: nothing is put
  end
  if earlier < stamp then
    version = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], '*',
      'before', version, 'name', name, 'document', stamp .. body)
    redis.call('HSET', KEYS[1], name, stamp .. body, '@', version)
    redis.call('ZADD', KEYS[2], ends, name)
    put, last_stamp = put + 1, stamp
  end
end
if KEYS[6] and put > 0 and redis.call('EXISTS', KEYS[6]) == 1 then  -- as `tell_events.lua` does it
  local entry = redis.call('HINCRBY', KEYS[5], '@', 1)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', 'entry', entry, 'id', string.format(ARGV[7], last_stamp),
    unpack(ARGV, 8, 4 + told))
  redis.call('EXPIRE', KEYS[4], ARGV[6])
  redis.call('EXPIRE', KEYS[5], ARGV[6])
end
redis.call('EXPIRE', KEYS[3], ARGV[3])
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
if last[2] then
  local left = math.ceil(tonumber(last[2])) - seconds + 1
  redis.call('EXPIRE', KEYS[1], left)
  redis.call('EXPIRE', KEYS[2], left)
end
return {put, before, version, last_stamp}
