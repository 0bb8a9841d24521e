-- pause: stop handing out a queue's messages, in every process at once.
-- Before -> after: open -> paused. What is running ends; what is held and not begun is given back by who holds it.
-- ARGV: [1] queue, [2] '1' when it is one that will be used, if nothing was sent to or consumed from it yet.
-- Returns: 1 when it was open, 0 when it was paused already, -1 when no such queue is known.
if ARGV[2] == '1' then redis.call('SADD', QUEUES, ARGV[1]) end
if redis.call('SISMEMBER', QUEUES, ARGV[1]) == 0 then return -1 end
return redis.call('SADD', PAUSED, ARGV[1])
