-- accept: let an account send again whose log had gone back.
-- Before: stopped. After: not stopped; what processes saw of the log before is no longer held against it.
--         Log: accept.
-- ARGV: now_ms.
-- Returns: {'ok', reason it was stopped for} | {'not_stopped'} | {'unknown'}.
local a = call('HMGET', account, 'id', 'stopped')
if not a[1] then return { 'unknown' } end
local reason = a[2] or ''
if reason == '' then return { 'not_stopped' } end
-- Nothing fails below.
call('HINCRBY', account, 'history', 1)
call('HSET', account, 'stopped', '')
journal('accept', '', '', 0, '', reason)
return { 'ok', reason }
