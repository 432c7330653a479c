-- Take one token from a client's bucket.
-- KEYS[1]  the bucket: hash of tokens (float) and the server's time in us when they were counted
-- ARGV[1]  tokens added a second    ARGV[2]  tokens that the bucket holds
-- returns  0 when a token was taken, otherwise the milliseconds until there is one
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if bucket[1] then
  local passed = math.max(0, now - tonumber(bucket[2])) / 1000000
  tokens = math.min(burst, tonumber(bucket[1]) + passed * rate)
end
local wait = 0
if tokens >= 1 then
  tokens = tokens - 1
else
  wait = math.ceil((1 - tokens) / rate * 1000)
end
-- %.17g: a plain tostring would round the time to 14 digits
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000))
return wait
