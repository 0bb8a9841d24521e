-- dead_retry: run dead letters again.
-- Before -> after: dead -> ready, at the tail, with the body given (its count of attempts begins anew).
-- ARGV: [1] queue, then id, body, id, body, ... Returns: how many were dead; others are passed over.
local queue, count = ARGV[1], 0
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  if redis.call('ZREM', dead(queue), id) == 1 then
    redis.call('HDEL', dead_bodies(queue), id)
    redis.call('HDEL', dead_errors(queue), id)
    redis.call('HSET', bodies(queue), id, ARGV[i + 1])
    redis.call('RPUSH', ready(queue), id)
    count = count + 1
  end
end
if count > 0 then wake(queue) end
return count
