-- rotate_key: give an API key another secret; the one before stays in force for a while beside it.
-- Before → after: digest → previous, until now + overlap; the new digest in its place.
-- KEYS: the key's hash; one more on a cluster, which is not looked at.
-- ARGV: now_ms, SHA-256 of the new secret (hex), overlap_ms.
-- Returns: {'ok'} (also for a repeat) | {'unknown'} | {'over'} it is revoked or expired.
local k = call('HMGET', KEYS[1], 'digest', 'expires_at_ms', 'revoked_at_ms')
if not k[1] then return { 'unknown' } end
-- After a lost reply the same call comes again: the secret that went before must not be forgotten by it.
if k[1] == ARGV[2] then return { 'ok' } end
local expires = tonumber(k[2])
if k[3] ~= '0' or (expires > 0 and expires <= now) then return { 'over' } end
-- Nothing fails below.
call('HSET', KEYS[1], 'digest', ARGV[2], 'previous', k[1],
  'previous_until_ms', string.format('%.0f', now + tonumber(ARGV[3])))
return { 'ok' }
