-- reap: give back the work of processes that have gone silent.
-- Before -> after: held by a dead worker -> ready, at the head; or dead, once it has outlived `crash_limit` processes.
-- ARGV: [1] timeout_ms without a beat, [2] gap_ms, [3] crash_limit, [4] error (JSON) for a message beyond it.
-- Returns: {messages given back, messages buried, 1 when there is more to do at once}.
-- Silence proves death only if the server could be reached: nobody is given up before these calls have come, from
-- whichever process, without a gap for a whole timeout. After an outage or a stall everyone has time to beat first.
-- At most 500 messages and 10 workers a call.
local now, budget, back, buried = now_ms(), 500, 0, 0
local timeout, gap, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tick = tonumber(redis.call('HGET', REAPER, 'tick') or '0')
local since = tonumber(redis.call('HGET', REAPER, 'since') or '0')
if now - tick > gap or now < tick then since = now end
redis.call('HDEL', REAPER, 'tick', 'since')
redis.call('HSET', REAPER, 'tick', whole(now), 'since', whole(since))
if now - since < timeout then return {0, 0, 0} end
local silent = redis.call('ZRANGEBYSCORE', HEARTBEATS, '-inf', whole(now - timeout), 'LIMIT', 0, 10)
for _, worker in ipairs(silent) do
  for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
    local ids = budget > 0 and redis.call('SPOP', held(worker, queue), budget) or {}
    budget = budget - #ids
    for _, id in ipairs(ids) do
      if redis.call('HEXISTS', bodies(queue), id) == 1 then
        if redis.call('HINCRBY', lost(queue), id, 1) > limit then
          buried = buried + bury(queue, id, ARGV[4])
        else
          redis.call('LPUSH', ready(queue), id)
          back = back + 1
        end
      end
    end
    if #ids > 0 then wake(queue) end
  end
  if budget <= 0 then return {back, buried, 1} end
  redis.call('ZREM', HEARTBEATS, worker)
end
return {back, buried, #silent == 10 and 1 or 0}
