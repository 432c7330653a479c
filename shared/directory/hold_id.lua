-- Hold an id, or a lease, for one process, unless another process has it.
-- KEYS[1]  the process that has it    ARGV[1]  this process    ARGV[2]  lifetime of its hold in ms
-- returns  1, or 0 if another process has the id
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
