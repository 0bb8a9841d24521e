-- open_account: make an account on a plan, with its subscription and the first month's credits.
-- Before: no such account. After: account, wallet and subscription exist; log: open, then grant where the plan gives
--         credits.
-- ARGV: now_ms, fingerprint of what was asked, id of this call, then the parts and the steps of amend.lua.
-- Returns: {'ok'} (the same for a repeat of this call) | {'exists'} the same was asked before | {'conflict'} the id
--          is taken by another account.
-- Invariant: granted = available + held + spent + expired.
local fingerprint, op = ARGV[2], 'open:' .. ARGV[3]
if call('HEXISTS', ops, op) == 1 then return { 'ok' } end
local known = call('HGET', ops, 'open')
if known then return { known == fingerprint and 'exists' or 'conflict' } end
-- Nothing fails below.
local after_account = put(account, 4)
call('HSET', account, 'opened_at_ms', int(now))
call('HSET', wallet, 'available', 0, 'held', 0, 'spent', 0, 'granted', 0, 'expired', 0, 'seq', 0, 'chain', 0)
call('HSET', ops, 'open', fingerprint)
remember(op, '')
take_steps(put(invoices, put(subscription, after_account)))
return { 'ok' }
