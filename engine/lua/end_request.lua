-- end_request: keep what a request was answered with, or forget that it was begun.
-- Before → after: running under this token → done; with an empty status → none, so that it may come again.
-- KEYS: the request's record; one more on a cluster, which is not looked at.
-- ARGV: now_ms, token, status ('' = forget), headers, body, keep_ms.
-- Returns: {'ok'} (also for a repeat) | {'lost'} its lease ran out and another try has it.
local call = redis.call
if call('HGET', KEYS[1], 'token') ~= ARGV[2] then return { 'lost' } end
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit.
if ARGV[3] == '' then
  call('DEL', KEYS[1])
  return { 'ok' }
end
call('HDEL', KEYS[1], '')
call('HSET', KEYS[1], 'status', ARGV[3], 'headers', ARGV[4], 'body', ARGV[5])
call('PEXPIRE', KEYS[1], ARGV[6])
return { 'ok' }
