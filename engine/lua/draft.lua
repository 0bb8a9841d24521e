-- draft: number a new campaign, whose rows are uploaded next.
-- Before: the account exists and its plan may send. After: the number is taken; the draft is listed.
-- ARGV: now_ms, operation id, token of this upload.
-- Returns: {'ok', number} (the same for a repeat) | {'unknown'} | {'cannot_send'}.
local op = 'draft:' .. ARGV[2]
if call('EXISTS', account) == 0 then return { 'unknown' } end
local known = call('HGET', ops, op)
if not known and not may_send() then return { 'cannot_send' } end
-- Nothing fails below.
local number = known
if not number then
  number = int(call('HINCRBY', account, 'campaign_seq', 1))
  remember(op, number)
end
call('ZADD', drafts, int(now), call('HGET', account, 'id') .. '.' .. number .. ' ' .. ARGV[3])
return { 'ok', number }
