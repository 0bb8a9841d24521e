-- nack: a message has failed for good.
-- Before -> after: held by this worker -> dead, with its error. Otherwise nothing changes.
-- ARGV: [1] queue, [2] worker, [3] id, [4] error (JSON: actor, type, message, traceback).
-- Returns: 1 when it was buried, else 0 (so also the second time).
if redis.call('SREM', held(ARGV[2], ARGV[1]), ARGV[3]) == 0 then return 0 end
return bury(ARGV[1], ARGV[3], ARGV[4])
