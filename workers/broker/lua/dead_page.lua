-- dead_page: one page of a queue's dead letters, oldest first.
-- ARGV: [1] queue, [2] rank to begin at, [3] how many (1..1000), [4] '1' to have the bodies as well.
-- Changes nothing. Returns: {id, ms at which it died, error (JSON) or '', body or '', ...}.
local reply, queue = {}, ARGV[1]
local stop = whole(tonumber(ARGV[2]) + tonumber(ARGV[3]) - 1)
local rows = redis.call('ZRANGE', dead(queue), ARGV[2], stop, 'WITHSCORES')
for i = 1, #rows, 2 do
  reply[#reply + 1] = rows[i]
  reply[#reply + 1] = whole(tonumber(rows[i + 1]))
  reply[#reply + 1] = redis.call('HGET', dead_errors(queue), rows[i]) or ''
  reply[#reply + 1] = ARGV[4] == '1' and redis.call('HGET', dead_bodies(queue), rows[i]) or ''
end
return reply
