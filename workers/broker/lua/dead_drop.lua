-- dead_drop: throw dead letters away.
-- Before -> after: dead -> gone.
-- ARGV: [1] queue, then ids. Returns: how many were dead; others are passed over.
local queue, count = ARGV[1], 0
for i = 2, #ARGV do
  count = count + redis.call('ZREM', dead(queue), ARGV[i])
  redis.call('HDEL', dead_bodies(queue), ARGV[i])
  redis.call('HDEL', dead_errors(queue), ARGV[i])
end
return count
