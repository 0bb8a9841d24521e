-- requeue: give back messages that were fetched and not begun.
-- Before -> after: held by this worker -> ready, at the head, in the order given.
-- ARGV: [1] queue, [2] worker, then ids, the one to run first coming first.
-- Returns: how many were given back; ids not held are passed over.
local queue, given = ARGV[1], 0
for i = #ARGV, 3, -1 do
  if redis.call('SREM', held(ARGV[2], queue), ARGV[i]) == 1
    and redis.call('HEXISTS', bodies(queue), ARGV[i]) == 1 then
    redis.call('LPUSH', ready(queue), ARGV[i])
    given = given + 1
  end
end
if given > 0 then wake(queue) end
return given
