-- Close the list of a worker that leaves: whoever calls it from now on is refused at once.
-- KEYS[1]  the list    ARGV[1]  the mark of a closed list    ARGV[2]  its lifetime in s
-- returns  the requests that wait
local waiting = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return waiting
