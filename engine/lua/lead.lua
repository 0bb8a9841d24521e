-- lead: become the leading scheduler, or stay it.
-- Before → after: nobody leads, or the leader's lease has run out, or it is the asker → the asker leads until
--                 now + lease_ms. Another leads → unchanged.
-- KEYS[1]: leader hash (who, epoch, until_ms). ARGV: now_ms, who, lease_ms, highest epoch the asker was refused for.
-- Returns: {epoch, who leads}: the asker's epoch, or 0 where another leads.
-- Invariant: each new leader's epoch is above all before, also when this key was deleted: it is at least the time,
--            and above what the accounts were found fenced at.
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local l = redis.call('HMGET', KEYS[1], 'who', 'epoch', 'until_ms')
local epoch = tonumber(l[2] or '0')
if l[1] and l[1] ~= ARGV[2] and tonumber(l[3]) > now then return { 0, l[1] } end
-- Nothing fails below. The first write frees memory: somebody leads with memory full, too.
redis.call('HDEL', KEYS[1], '')
local floor = tonumber(ARGV[4])
if l[1] ~= ARGV[2] or epoch <= floor then epoch = math.max(epoch + 1, now, floor + 1) end
redis.call('HSET', KEYS[1], 'who', ARGV[2], 'epoch', string.format('%.0f', epoch),
  'until_ms', string.format('%.0f', now + tonumber(ARGV[3])))
return { epoch, ARGV[2] }
