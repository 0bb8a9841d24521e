-- note_upload: say how far the reading of an uploaded list is, or how it ended; renews the lease.
-- KEYS: the upload; one more on a cluster, which is not looked at.
-- ARGV: now_ms, token, lease_ms (0 = it is given up), keep_ms, then field, value …
-- Returns: {'ok'} | {'lost'} another try has it, or it was forgotten.
if call('HGET', KEYS[1], 'token') ~= ARGV[2] then return { 'lost' } end
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit: what is done is told.
call('HDEL', KEYS[1], '')
call('HSET', KEYS[1], 'until_ms', int(now + tonumber(ARGV[3])), 'noted_at_ms', int(now), unpack(ARGV, 5))
call('PEXPIRE', KEYS[1], ARGV[4])
return { 'ok' }
