-- Claim a room for a worker, unless another worker holds it.
-- KEYS[1]  the room's claim: string, id of the owning worker    KEYS[2]  when it ended, which is over now
-- ARGV[1]  the worker    ARGV[2]  lifetime in ms
-- returns  {owner, 1 if it held the room before, otherwise 0}; the owner is ARGV[1] when the claim succeeded
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return {owner, 1}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if not owner then
  redis.call('DEL', KEYS[2])
end
return {ARGV[1], owner and 1 or 0}
