-- enqueue: put messages in, once, each ready at once or at its due time.
-- Before -> after: nowhere -> ready | delayed; with a replaced message: held -> gone (a retry takes its place).
-- ARGV: [1] sender (one thread of one process), [2] request id, [3] worker, [4] queue and [5] id of the message
--       replaced ('' when none), then for each message: queue, id, body, delay in ms ('' = at once).
-- Returns: how many messages were put in; 0 when this request was carried out before.
-- A sender's calls come one after another, so remembering its last request is enough to know a repeated one,
-- however quickly the message was run meanwhile. Under OOM a retry still passes: its first write frees memory.
local sent = ns .. ':__sent__.' .. ARGV[1]
if redis.call('GET', sent) == ARGV[2] then return 0 end
local now
if ARGV[5] ~= '' then
  if redis.call('SREM', held(ARGV[3], ARGV[4]), ARGV[5]) == 1 then
    redis.call('HDEL', bodies(ARGV[4]), ARGV[5])
    redis.call('HDEL', lost(ARGV[4]), ARGV[5])
  end
end
redis.call('SET', sent, ARGV[2], 'PX', 120000)
local added, last_queue = 0, nil
for i = 6, #ARGV, 4 do
  local queue, id, delay = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  if queue ~= last_queue then
    redis.call('SADD', QUEUES, queue)
    last_queue = queue
  end
  if redis.call('HSETNX', bodies(queue), id, ARGV[i + 2]) == 1 then
    added = added + 1
    if delay == '' then
      if redis.call('RPUSH', ready(queue), id) == 1 then wake(queue) end
    else
      now = now or now_ms()
      redis.call('ZADD', delayed(queue), whole(now + tonumber(delay)), id)
      -- Only a new earliest message changes how long a consumer may sleep.
      if redis.call('ZRANGE', delayed(queue), 0, 0)[1] == id then wake(queue) end
    end
  end
end
return added
