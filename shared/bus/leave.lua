-- Remove a worker that stops from the directory, unless another process has its id by now.
-- KEYS[1]  zset of workers    KEYS[2]  the worker's status    KEYS[3]  the process that has the worker's id
-- ARGV[1]  the worker    ARGV[2]  this process
if redis.call('GET', KEYS[3]) == ARGV[2] then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
