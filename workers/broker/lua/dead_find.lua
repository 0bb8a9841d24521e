-- dead_find: one dead letter by its id, whichever queue it died in.
-- ARGV: [1] id. Changes nothing.
-- Returns: {} when there is none, else {queue, ms at which it died, error (JSON) or '', body}.
for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  local at = redis.call('ZSCORE', dead(queue), ARGV[1])
  if at then
    return {
      queue, whole(tonumber(at)), redis.call('HGET', dead_errors(queue), ARGV[1]) or '',
      redis.call('HGET', dead_bodies(queue), ARGV[1]) or '',
    }
  end
end
return {}
