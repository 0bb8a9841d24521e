-- rest: take an account off the scheduler's list, unless somebody woke it meanwhile.
-- KEYS: the runnable zset. ARGV: account, the score the scheduler had set.
-- Returns: 1 when it was taken off.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
