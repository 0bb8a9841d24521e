-- overview: what every known queue holds, counted at one moment.
-- ARGV: none. Changes nothing.
-- Returns: {queue, ready, delayed, running, dead, 1 when paused, body at the head or '', ...next queue...},
--          and the server's clock in ms (as text) at the very end.
local reply = {}
for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  local waiting, later = redis.call('LLEN', ready(queue)), redis.call('ZCARD', delayed(queue))
  local head = redis.call('LINDEX', ready(queue), 0)
  local row = {
    queue, waiting, later, math.max(0, redis.call('HLEN', bodies(queue)) - waiting - later),
    redis.call('ZCARD', dead(queue)), redis.call('SISMEMBER', PAUSED, queue),
    head and redis.call('HGET', bodies(queue), head) or '',
  }
  for i = 1, 7 do reply[#reply + 1] = row[i] end
end
reply[#reply + 1] = whole(now_ms())
return reply
