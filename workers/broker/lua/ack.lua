-- ack: a message has been run.
-- Before -> after: held by this worker -> gone. Held by nobody or by another (it was taken over): nothing changes.
-- ARGV: [1] queue, [2] worker, [3] id.
-- Returns: 1 when it was held, else 0 (so also the second time).
if redis.call('SREM', held(ARGV[2], ARGV[1]), ARGV[3]) == 0 then return 0 end
redis.call('HDEL', bodies(ARGV[1]), ARGV[3])
redis.call('HDEL', lost(ARGV[1]), ARGV[3])
return 1
