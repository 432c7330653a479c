-- Draw some workers that take clients, at random, and reserve a place on the one with the least burden.
-- The reservation counts until the worker's next heartbeat, which says what is true by then.
-- KEYS[1]  zset of workers, scored by the server's time    KEYS[2]  zset of those to draw from, by burden
-- ARGV[1]  how many to draw    ARGV[2]  age in s after which a worker is dead
-- ARGV[3]  a number that decides between equals: Redis begins each script with the same one
-- ARGV[4..]  workers to take last, without a reservation
-- returns  the drawn workers, best first
local time = redis.call('TIME')
local alive = time[1] + time[2] / 1000000 - ARGV[2]
local last = {}
for i = 4, #ARGV do
  last[ARGV[i]] = true
end
local drawn, burdens, is_dead
repeat -- as long as there are dead ones among them: each is met once
  drawn, burdens, is_dead = {}, {}, false
  local entries = redis.call('ZRANDMEMBER', KEYS[2], ARGV[1], 'WITHSCORES')
  for i = 1, #entries, 2 do
    local worker = entries[i]
    local beat = redis.call('ZSCORE', KEYS[1], worker)
    if beat and tonumber(beat) >= alive then
      drawn[#drawn + 1] = worker
      burdens[worker] = tonumber(entries[i + 1])
    else
      redis.call('ZREM', KEYS[2], worker)
      is_dead = true
    end
  end
until not is_dead
-- where nearly all are drawn, the draw is not in random order
math.randomseed(ARGV[3])
for i = 1, #drawn do
  local j = math.random(i, #drawn)
  drawn[i], drawn[j] = drawn[j], drawn[i]
end
table.sort(drawn, function(a, b)
  if last[a] ~= last[b] then return last[b] end
  return burdens[a] < burdens[b]
end)
if drawn[1] and not last[drawn[1]] then
  redis.call('ZINCRBY', KEYS[2], 1, drawn[1])
end
return drawn
