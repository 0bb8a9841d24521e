-- is_paused: may a process with a full hand begin what it fetched of a queue?
-- ARGV: [1] queue. Changes nothing. Returns: 1 when it is paused, else 0.
return redis.call('SISMEMBER', PAUSED, ARGV[1])
