-- Remove a worker that stops from the lists of workers.
-- KEYS[1..3]  as KEYS[4..6] of announce_worker.lua    ARGV[1]  the worker
for _, key in ipairs(KEYS) do
  redis.call('ZREM', key, ARGV[1])
end
