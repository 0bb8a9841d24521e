-- reclaim: hand out again what this worker process holds but does not know of (the reply to a fetch was lost).
-- Before -> after: held -> held, and delivered; an id whose body was flushed is let go.
-- ARGV: [1] queue, [2] worker, then every id the process knows.
-- Returns: {id, body, id, body, ...}. Bounded by what one process may hold.
local queue, mine, known, reply = ARGV[1], held(ARGV[2], ARGV[1]), {}, {}
for i = 3, #ARGV do known[ARGV[i]] = true end
for _, id in ipairs(redis.call('SMEMBERS', mine)) do
  if not known[id] then
    local body = redis.call('HGET', bodies(queue), id)
    if body then
      reply[#reply + 1] = id
      reply[#reply + 1] = body
    else
      redis.call('SREM', mine, id)
    end
  end
end
return reply
