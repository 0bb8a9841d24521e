-- discard: give up a draft that was never submitted; its number stays used.
-- Before: draft. After: none of its keys is left.
-- ARGV: now_ms, campaign id, operation id of its draft ('' when not known).
-- Returns: {'ok'} | {'submitted'} it is a campaign by now and stays.
if call('HEXISTS', campaign, 'state') == 1 then return { 'submitted' } end
-- Nothing fails below.
call('UNLINK', rows)
call('ZREM', drafts, ARGV[2])
if ARGV[3] ~= '' then call('HDEL', ops, 'draft:' .. ARGV[3]) end
return { 'ok' }
