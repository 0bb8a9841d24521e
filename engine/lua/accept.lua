-- accept: let an account send again whose log had gone back.
-- Before: stopped. After: not stopped; what processes saw of the log before is no longer held against it.
--         Log: accept.
-- ARGV: now_ms, operation id.
-- Returns: {'ok', reason it was stopped for} (the same for a repeat) | {'not_stopped'} | {'unknown'}.
local a = call('HMGET', account, 'id', 'stopped', 'history')
if not a[1] then return { 'unknown' } end
local op = 'accept:' .. ARGV[2]
local known = call('HGET', ops, op)
if known then return { 'ok', known } end
local reason = a[2] or ''
if reason == '' then return { 'not_stopped' } end
-- Nothing fails below.
-- At least the time, so that it is another than one whose acceptance was lost.
call('HSET', account, 'history', int(math.max(num(a[3]) + 1, now)))
call('HSET', account, 'stopped', '')
journal('accept', '', '', 0, '', reason)
remember(op, reason)
return { 'ok', reason }
