-- Log what changed in the records of a worker's rooms, and forget what is older.
-- KEYS[1]  stream of changes    ARGV[1]  the change    ARGV[2]  lifetime of an entry in ms    ARGV[3]  of all in s
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[2]
redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', oldest), '*', 'c', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
