-- snapshot: read many keys of one account at one moment; no write, so it passes with memory full, unlike a MULTI.
-- KEYS: what to read; one more on a cluster, which is not. ARGV: how, for each: 'hash', 'text', 'scores' (members and scores in order), 'last' (of a
--       stream), 'list', 'count' (of a zset).
-- Returns: a reply for each key, as HGETALL, GET, ZRANGE WITHSCORES, XREVRANGE, LRANGE and ZCARD give it.
local found = {}
for i, how in ipairs(ARGV) do
  local key = KEYS[i]
  if how == 'hash' then
    found[i] = redis.call('HGETALL', key)
  elseif how == 'text' then
    found[i] = redis.call('GET', key)
  elseif how == 'scores' then
    found[i] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif how == 'list' then
    found[i] = redis.call('LRANGE', key, 0, -1)
  elseif how == 'last' then
    found[i] = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
  else
    found[i] = redis.call('ZCARD', key)
  end
end
return found
