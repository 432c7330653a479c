-- include epoch.lua
-- Claim a room for a worker, unless another worker holds it, or may hold it: Redis may have lost claims, which
-- count until they would have expired. Their owners claim again at once. Of two that do, the one who claimed the
-- room later has it: the other one has lost it since, and was paused or cut off. Who was not heard for as long as a
-- claim lives has lost it, too, and takes it from nobody; but where Redis is new, or has heard nobody for as long, of
-- two the one has the room whom it had heard last. Until then no other publisher gets a room that was claimed again.
-- KEYS[1]  the room's claim: string, id of the owning worker    KEYS[2]  when it ended, which is over now
-- KEYS[3]  the epoch    KEYS[4]  of an owner that has claimed it again less than a claim's life ago: string, since when
--          it has the room, and when it had last been heard before that, Unix times in ms
-- KEYS[5]  whether Redis has heard nobody for as long as a claim lives, until a moment ago
-- ARGV[1]  the worker    ARGV[2]  lifetime in ms    ARGV[3]  '', or since when the worker has it: it claims it again
-- ARGV[4]  if it claims again: for how many ms Redis has not heard that, by the worker's steady clock
-- returns  {ARGV[1], since when it has the room, who held it before}; {owner} if that is another one; {} when nobody may
-- claim yet
local owner = redis.call('GET', KEYS[1])
local since = ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heard = since ~= '' and now - ARGV[4]
local is_new = epoch_age(KEYS[3]) < tonumber(ARGV[2])  -- then claims are missing, and some of those that are there are over
local heard_nobody = is_new or redis.call('EXISTS', KEYS[5]) == 1
if owner and owner ~= ARGV[1] then
  if since == '' then
    return {owner}
  end
  local is_silent = tonumber(ARGV[4]) >= tonumber(ARGV[2])
  local other_since, other_heard = string.match(redis.call('GET', KEYS[4]) or '', '^(%d+) (%d+)$')
  if other_since then
    local is_later = heard_nobody and heard > tonumber(other_heard)
    if tonumber(other_since) >= tonumber(since) or is_silent and not is_later then
      return {owner}
    end
  elseif is_silent or not is_new then
    return {owner}
  end
elseif since == '' and (is_new or owner and heard_nobody and redis.call('EXISTS', KEYS[4]) == 1) then
  return {}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if since == '' then
  since = string.format('%.0f', now)
  redis.call('DEL', KEYS[4])
else
  redis.call('SET', KEYS[4], string.format('%s %.0f', since, heard), 'PX', ARGV[2])
end
if not owner then
  redis.call('DEL', KEYS[2])
end
return {ARGV[1], since, owner or ''}
