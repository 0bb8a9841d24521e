-- admit: is this API key in force, and may it ask once more now?
-- Before → after: one request more in the key's bucket, which runs out at a steady rate; the minute it was last used.
-- KEYS: the key's hash, its bucket; one more on a cluster, which is not looked at.
-- ARGV: now_ms, SHA-256 of the secret presented (hex), requests a second, requests at once.
-- Returns: {'ok', digest, account, scopes, requests left, ms until the bucket is empty, seat, since when} | {'wait',
--          digest, account, scopes, 0, ms until the next, seat, since when} | {'no'} alike for no such key, another secret, an expired and a revoked key.
-- A wrong secret takes nothing out of the bucket: whoever knows a key's id only cannot use it up. What is compared are
-- digests, which Lua holds once each: it compares where they lie, and takes as long for a near miss as for a far one.
local call, micros = redis.call, tonumber(ARGV[1]) * 1000
if micros == 0 then
  local t = call('TIME')
  micros = tonumber(t[1]) * 1000000 + tonumber(t[2])
end
local now, shown = math.floor(micros / 1000), ARGV[2]
local function int(n) return string.format('%.0f', n) end
local k = call('HMGET', KEYS[1], 'digest', 'previous', 'previous_until_ms', 'account', 'scopes', 'expires_at_ms',
  'revoked_at_ms', 'last_used_at_ms', 'seat', 'seat_since')
local seat, since = k[9] or '', k[10] or ''
local current, former = k[1] == shown, k[2] == shown and tonumber(k[3] or '0') > now
if not (current or former) then return { 'no' } end
local expires = tonumber(k[6] or '0')
if (k[7] or '0') ~= '0' or (expires > 0 and expires <= now) then return { 'no' } end
local each = 1000000 / tonumber(ARGV[3])
local room = each * tonumber(ARGV[4])
local full_at = math.max(micros, tonumber(call('GET', KEYS[2]) or '0')) + each
if full_at - micros > room + 0.5 then
  return { 'wait', shown, k[4], k[5], '0', int(math.ceil((full_at - micros - room) / 1000)), seat, since }
end
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit.
call('HDEL', KEYS[1], '')
call('SET', KEYS[2], int(full_at), 'PX', int(math.ceil((full_at - micros) / 1000) + 1))
if now - tonumber(k[8] or '0') >= 60000 then call('HSET', KEYS[1], 'last_used_at_ms', int(now)) end
local left = math.floor((room - (full_at - micros)) / each + 0.000001)
return { 'ok', shown, k[4], k[5], int(left), int(math.ceil((full_at - micros) / 1000)), seat, since }
