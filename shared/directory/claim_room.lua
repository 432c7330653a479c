-- include epoch.lua
-- Claim a room for a worker, unless another worker holds it, or may hold it: Redis may have lost claims, which
-- count until they would have expired. Their owners claim again at once. Of two that do, the one who claimed the
-- room later has it: the other one has lost it since, and was paused or cut off. Who was not heard for as long as a
-- claim lives has lost it, too, and gets it only if nobody has it.
-- KEYS[1]  the room's claim: string, id of the owning worker    KEYS[2]  when it ended, which is over now
-- KEYS[3]  the epoch    KEYS[4]  since when its owner has it, if that has claimed it again: string, Unix time in ms
-- ARGV[1]  the worker    ARGV[2]  lifetime in ms    ARGV[3]  '', or since when the worker has it: it claims it again
-- ARGV[4]  if it claims again: for how many ms Redis has not heard that, by the worker's steady clock
-- returns  {owner, 1 if it held the room before, otherwise 0, since when}, where the owner is ARGV[1] when the claim
-- succeeded; {'', -1} when nobody may claim yet
local owner = redis.call('GET', KEYS[1])
local since = ARGV[3]
local is_new = epoch_age(KEYS[3]) < tonumber(ARGV[2])  -- then claims are missing, and some of those that are there are over
if owner and owner ~= ARGV[1] then
  if since == '' or tonumber(ARGV[4]) >= tonumber(ARGV[2]) then
    return {owner, 1}
  end
  local other = redis.call('GET', KEYS[4])
  if other and tonumber(other) >= tonumber(since) or not other and not is_new then
    return {owner, 1}
  end
elseif since == '' and is_new then
  return {'', -1}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if since == '' then
  local time = redis.call('TIME')
  since = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('DEL', KEYS[4])
else
  redis.call('SET', KEYS[4], since, 'PX', ARGV[2])
end
if not owner then
  redis.call('DEL', KEYS[2])
end
return {ARGV[1], owner and 1 or 0, since}
