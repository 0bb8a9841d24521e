-- leave: a worker process ends in good order.
-- Before -> after: known -> unknown, if it holds nothing; else it stays, for the reaper.
-- ARGV: [1] worker.
-- Returns: 1 when it left, 0 when it still holds messages.
for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  if redis.call('EXISTS', held(ARGV[1], queue)) == 1 then return 0 end
end
redis.call('ZREM', HEARTBEATS, ARGV[1])
return 1
