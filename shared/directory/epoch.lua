-- For how many ms this Redis has been known as it is. Its epoch begins when somebody first finds it empty, or finds
-- another server process, whatever that has loaded or copied: it may lack the last writes of the one before. Each
-- worker looks with its heartbeat, so that the epoch begins within a second, and not with the first claim.
-- key: string, '{the server's run id} {Unix time in ms at which its epoch began}'
local function epoch_age(key)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
  local of, began = string.match(redis.call('GET', key) or '', '^(%w*) (%d+)$')
  if of ~= run or tonumber(began) > now then  -- later than now: the clock was set back
    began = string.format('%.0f', now)
    redis.call('SET', key, run .. ' ' .. began)
  end
  return now - began
end
