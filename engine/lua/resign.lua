-- resign: stop leading, so that a standby takes over at once.
-- KEYS[1]: leader hash. ARGV: who.
-- Returns: 1 when it led, 0 when another does.
if redis.call('HGET', KEYS[1], 'who') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'until_ms', 0)
return 1
