-- fetch: move what is due to its queue, then hand a batch to one worker process.
-- Before -> after: delayed and due -> ready (by due time, up to 500 a call); ready -> held.
-- ARGV: [1] queue, [2] worker, [3] how many at most (1..500), [4] how many processes a message may outlive.
-- Returns: {1 when paused, ms until the next delayed message is due (-1 none), ids this worker now holds,
--           id, body, id, body, ...}
-- Who asks for work is who promotes: there is no other process to fail. The removal comes first in each step,
-- so neither runs half under OOM (a script that has begun to write may go on).
local queue, worker = ARGV[1], ARGV[2]
local mine = held(worker, queue)
if redis.call('SISMEMBER', PAUSED, queue) == 1 then return {1, -1, redis.call('SCARD', mine)} end
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', delayed(queue), '-inf', whole(now), 'LIMIT', 0, 500)
if #due > 0 then
  redis.call('ZREM', delayed(queue), unpack(due))
  redis.call('RPUSH', ready(queue), unpack(due))
end
local ids = redis.call('LPOP', ready(queue), ARGV[3]) or {}
ids = at_most_one_suspect(ids, queue, worker, tonumber(ARGV[4] or '2'))
local reply, taken = {0, -1, 0}, {}
if #ids > 0 then
  local found = redis.call('HMGET', bodies(queue), unpack(ids))
  for i = 1, #ids do
    if found[i] then -- an id without a body was flushed
      taken[#taken + 1] = ids[i]
      reply[#reply + 1] = ids[i]
      reply[#reply + 1] = found[i]
    end
  end
end
if #taken > 0 then
  redis.call('SADD', mine, unpack(taken))
  redis.call('ZADD', HEARTBEATS, 'NX', whole(now), worker) -- so that the reaper knows of it
  if redis.call('LLEN', ready(queue)) > 0 then wake(queue) end -- one consumer rouses the next
else
  local first = redis.call('ZRANGE', delayed(queue), 0, 0, 'WITHSCORES')
  if first[2] then reply[2] = math.max(0, tonumber(first[2]) - now) end
end
reply[3] = redis.call('SCARD', mine)
return reply
