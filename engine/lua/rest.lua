-- rest: take an account off the scheduler's list, unless somebody woke it meanwhile.
-- KEYS: the runnable zset. ARGV: account, the score the scheduler had set.
-- Returns: 1 when it is off the list now, 0 when it was woken.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('ZREM', KEYS[1], ARGV[1]) end
return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 1
