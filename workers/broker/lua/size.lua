-- size: how many messages a queue has, ready, delayed and running together.
-- ARGV: [1] queue. Changes nothing. Returns: a number.
return redis.call('HLEN', bodies(ARGV[1]))
