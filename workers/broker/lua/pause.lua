-- pause: stop handing out a queue's messages, in every process at once.
-- Before -> after: open -> paused. What is already held runs to its end.
-- ARGV: [1] queue. Returns: 1 when it was open, 0 when it was paused already, -1 when no such queue is known.
if redis.call('SISMEMBER', QUEUES, ARGV[1]) == 0 then return -1 end
return redis.call('SADD', PAUSED, ARGV[1])
