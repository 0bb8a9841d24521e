-- backlog: how many messages of a queue wait or are run by a process that was heard of lately.
-- ARGV: [1] queue, [2] ms of silence after which what a process holds is not counted. Changes nothing.
-- Returns: a number. What a dead process holds comes back to the queue in time; until then nobody works on it.
local count = redis.call('LLEN', ready(ARGV[1]))
local since = whole(now_ms() - tonumber(ARGV[2]))
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', HEARTBEATS, since, '+inf', 'LIMIT', 0, 1000)) do
  count = count + redis.call('SCARD', held(worker, ARGV[1]))
end
return count
