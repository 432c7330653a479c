-- Log what changed in the records of a worker's rooms, and forget what is older than a lifetime, in ms. The stream lives
-- for so many s. Entries' ids never go back: after the clock was set back they stand still, and nothing is older. Then
-- the stream begins anew, and who reads on in the one before sees from the records' versions that changes are missing.
local function log_change(key, change, lifetime, stream_lifetime)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local function log()
    local id = redis.call('XADD', key, 'MINID', '~', string.format('%.0f', now - lifetime), '*', 'c', change)
    return tonumber(string.match(id, '^%d+'))
  end
  if log() > now + lifetime then
    redis.call('DEL', key)
    log()
  end
  redis.call('EXPIRE', key, stream_lifetime)
end
