-- enqueue: put messages in, once, each ready at once or at its due time.
-- Before -> after: nowhere -> ready | delayed; with a replaced message: held -> gone (a retry takes its place).
-- ARGV: [1] sender (one thread of one process), [2] request id, [3] worker, [4] queue and [5] id of the message
--       replaced ('' when none), then for each message: queue, id, body, delay in ms ('' = at once).
-- Returns: how many messages were put in; 0 when this request was carried out before; -1 when the message it
--          replaces is held by another worker by now: nothing was put in.
-- A sender's calls come one after another, so remembering its last request is enough to know a repeated one,
-- however quickly the message was run meanwhile. Under OOM a retry still passes: its first write frees memory.
local now
if ARGV[5] ~= '' and redis.call('GET', ns .. ':__sent__.' .. ARGV[1]) ~= ARGV[2] then
  -- Not held any more: another worker has taken the message over.
  if redis.call('SREM', held(ARGV[3], ARGV[4]), ARGV[5]) == 0 then return -1 end
  redis.call('HDEL', bodies(ARGV[4]), ARGV[5])
  redis.call('HDEL', lost(ARGV[4]), ARGV[5])
end
if redis.call('SET', ns .. ':__sent__.' .. ARGV[1], ARGV[2], 'PX', 120000, 'GET') == ARGV[2] then return 0 end
local added = 0
for i = 6, #ARGV, 4 do
  local queue, id, delay = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  if redis.call('HSETNX', bodies(queue), id, ARGV[i + 2]) == 1 then
    added = added + 1
    if delay == '' then
      -- A queue that had messages is known and its consumers are awake: only the first one has to see to it.
      if redis.call('RPUSH', ready(queue), id) == 1 then
        redis.call('SADD', QUEUES, queue)
        wake(queue)
      end
    else
      now = now or now_ms()
      redis.call('ZADD', delayed(queue), whole(now + tonumber(delay)), id)
      -- Only a new earliest message changes how long a consumer may sleep.
      if redis.call('ZRANGE', delayed(queue), 0, 0)[1] == id then
        redis.call('SADD', QUEUES, queue)
        wake(queue)
      end
    end
  end
end
return added
