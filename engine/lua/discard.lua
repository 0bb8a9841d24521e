-- discard: give up one upload; the number of its draft stays used.
-- Before: rows staged by this upload, or none. After: none. A campaign submitted from them is not touched:
--         its rows have another name by then.
-- ARGV: now_ms, campaign id, token of the upload, operation id of the draft to forget ('' = keep it).
-- Returns: {'ok'}.
-- Nothing fails below.
call('UNLINK', staged, staged_digests)
call('ZREM', drafts, ARGV[2] .. ' ' .. ARGV[3])
if ARGV[4] ~= '' then call('HDEL', ops, 'draft:' .. ARGV[4]) end
return { 'ok' }
