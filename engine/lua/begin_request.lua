-- begin_request: may a request that carries an idempotency key be carried out, or was it, or is it being?
-- Before → after: none, or one whose process died → running, under this token, for a lease.
-- KEYS: the request's record; one more on a cluster, which is not looked at.
-- ARGV: now_ms, fingerprint of the body, token of this try, lease_ms, keep_ms.
-- Returns: {'go'} (also for a repeat of this try) | {'done', status, headers, body} | {'running', ms left}
--          | {'reused'} the key came with another body.
local r = call('HMGET', KEYS[1], 'fingerprint', 'token', 'until_ms', 'status', 'headers', 'body')
if r[1] then
  if r[1] ~= ARGV[2] then return { 'reused' } end
  if r[4] then return { 'done', r[4], r[5], r[6] } end
  if r[2] ~= ARGV[3] and tonumber(r[3]) > now then return { 'running', int(tonumber(r[3]) - now) } end
end
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit: an answer goes through.
call('HDEL', KEYS[1], '')
call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'token', ARGV[3], 'until_ms', int(now + tonumber(ARGV[4])))
call('PEXPIRE', KEYS[1], ARGV[5])
return { 'go' }
