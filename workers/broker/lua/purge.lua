-- purge: drop everything ready, delayed or running in a queue; what is dead stays.
-- Before -> after: ready | delayed | held -> gone (a running one finishes, its ack finds nothing).
-- ARGV: [1] queue. Returns: how many messages were dropped. Memory is freed in the background.
local queue = ARGV[1]
local count = redis.call('HLEN', bodies(queue))
redis.call('UNLINK', ready(queue), bodies(queue), delayed(queue), lost(queue), wake_list(queue))
return count
