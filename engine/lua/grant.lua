-- grant: add credits to a wallet.
-- Before: the account exists. After: granted + n, available + n; log: grant.
-- ARGV: now_ms, operation id, n (credits, 1 or more), reason, most the granted total may reach.
-- Returns: {'ok', seq} (the same for a repeat) | {'unknown'} | {'conflict'} the id was used for another grant
--          | {'too_much'}.
-- Invariant: granted = available + held + spent + expired.
local op, n, reason, most = 'grant:' .. ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
if call('EXISTS', account) == 0 then return { 'unknown' } end
local known = call('HGET', ops, op)
local asked = ARGV[3] .. ' ' .. reason
if known then
  local seq, what = string.match(known, '^(%d+) (.*)$')
  if what ~= asked then return { 'conflict' } end
  return { 'ok', seq }
end
if num(call('HGET', wallet, 'granted')) + n > most then return { 'too_much' } end
-- Nothing fails below.
call('HINCRBY', wallet, 'granted', int(n))
call('HINCRBY', wallet, 'available', int(n))
-- Whatever is granted, by the month or by hand, alerts are counted from there.
if call('HEXISTS', account, 'full') == 1 then
  call('HSET', account, 'full', call('HGET', wallet, 'available'), 'alerted', '')
end
local seq = journal('grant', '', '', n, '', reason)
remember(op, seq .. ' ' .. asked)
return { 'ok', seq }
