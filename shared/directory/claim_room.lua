-- include epoch.lua
-- Claim a room for a worker, unless another worker holds it, or may hold it: Redis may have lost claims, which
-- count until they would have expired. Their owners claim again at once.
-- KEYS[1]  the room's claim: string, id of the owning worker    KEYS[2]  when it ended, which is over now
-- KEYS[3]  the epoch
-- ARGV[1]  the worker    ARGV[2]  lifetime in ms    ARGV[3]  '1': the worker has the room, and claims it again
-- returns  {owner, 1 if it held the room before, otherwise 0}, where the owner is ARGV[1] when the claim succeeded;
-- {'', -1} when nobody may claim yet
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return {owner, 1}
end
if not owner then
  local age = epoch_age(KEYS[3])
  if ARGV[3] ~= '1' and age < tonumber(ARGV[2]) then
    return {'', -1}
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if not owner then
  redis.call('DEL', KEYS[2])
end
return {ARGV[1], owner and 1 or 0}
