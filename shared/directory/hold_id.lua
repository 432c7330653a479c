-- Hold an id, or a lease, for one process, unless another process has it.
-- KEYS[1]  the process that has it    ARGV[1]  this process    ARGV[2]  lifetime of its hold in ms
-- returns  the process that has it now
local holder = redis.call('GET', KEYS[1]) or ARGV[1]
if holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return holder
