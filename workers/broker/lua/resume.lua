-- resume: hand out a paused queue's messages again.
-- Before -> after: paused -> open; a sleeping consumer is roused.
-- ARGV: [1] queue. Returns: 1 when it was paused, 0 when it was open already, -1 when no such queue is known.
if redis.call('SISMEMBER', QUEUES, ARGV[1]) == 0 then return -1 end
local was_paused = redis.call('SREM', PAUSED, ARGV[1])
if was_paused == 1 then wake(ARGV[1]) end
return was_paused
