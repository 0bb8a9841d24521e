-- begin_upload: may this try read an uploaded list, or was it read before, or is another try reading it?
-- Before → after: none, failed, or one whose process died → reading, under this token, for a lease.
-- KEYS: the upload; one more on a cluster, which is not looked at.
-- ARGV: now_ms, token of this try, lease_ms, keep_ms, fingerprint of order and list, then field, value …
-- Returns: {'go'} (also for a repeat of this try) | {'known', state} | {'reused'} the key came with another list.
local u = call('HMGET', KEYS[1], 'state', 'token', 'until_ms', 'fingerprint')
-- One that failed has done nothing: it may come again with the list mended.
if u[1] and u[1] ~= 'failed' then
  if u[4] ~= ARGV[5] then return { 'reused' } end
  if u[1] ~= 'reading' then return { 'known', u[1] } end
  if u[2] ~= ARGV[2] and tonumber(u[3]) > now then return { 'known', u[1] } end
end
-- Nothing fails below.
call('DEL', KEYS[1])
call('HSET', KEYS[1], 'state', 'reading', 'token', ARGV[2], 'until_ms', int(now + tonumber(ARGV[3])),
  'fingerprint', ARGV[5], 'began_at_ms', int(now), unpack(ARGV, 6))
call('PEXPIRE', KEYS[1], ARGV[4])
return { 'go' }
