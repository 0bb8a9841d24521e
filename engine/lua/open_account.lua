-- open_account: make an account on a plan, with the first month's credits.
-- Before: no such account. After: account and wallet exist; log: open, then grant where the plan gives credits.
-- ARGV: now_ms, fingerprint of what was asked, id of this call, credits of the first month, then field, value … of
--       the account.
-- Returns: {'ok'} (the same for a repeat of this call) | {'exists'} the same was asked before | {'conflict'} the id
--          is taken by another account.
-- Invariant: granted = available + held + spent + expired.
local fingerprint, op, credits = ARGV[2], 'open:' .. ARGV[3], tonumber(ARGV[4])
if call('HEXISTS', ops, op) == 1 then return { 'ok' } end
local known = call('HGET', ops, 'open')
if known then return { known == fingerprint and 'exists' or 'conflict' } end
-- Nothing fails below.
for i = 5, #ARGV, 2 do call('HSET', account, ARGV[i], ARGV[i + 1]) end
call('HSET', account, 'opened_at_ms', int(now))
call('HSET', wallet, 'available', 0, 'held', 0, 'spent', 0, 'granted', 0, 'expired', 0, 'seq', 0, 'chain', 0)
call('HSET', ops, 'open', fingerprint)
remember(op, '')
journal('open', '', '', 0, '', '')
if credits > 0 then
  call('HINCRBY', wallet, 'granted', int(credits))
  call('HINCRBY', wallet, 'available', int(credits))
  journal('grant', '', '', credits, '', 'first month')
end
return { 'ok' }
