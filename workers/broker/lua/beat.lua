-- beat: a worker process is alive, and consumes these queues.
-- Before -> after: last beat -> now; the queues are known.
-- ARGV: [1] worker, then queue names.
-- Returns: 1 when the worker was known, 0 when it is new or had been given up for dead.
-- The ZREM is not idle: a script that begins by removing may also write when memory is full.
local known = redis.call('ZREM', HEARTBEATS, ARGV[1])
redis.call('ZADD', HEARTBEATS, whole(now_ms()), ARGV[1])
for i = 2, #ARGV do redis.call('SADD', QUEUES, ARGV[i]) end
return known
