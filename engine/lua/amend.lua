-- amend: one transition of an account's subscription, whichever it is: what becomes of it is worked out in
-- engine/amendment.py from the revision that was read, and done here only while that revision stands.
-- Before: a subscription of that revision (0 = there never was one). After: the next revision; the account's limits, its
--         invoices, the credits of months that began, what expires of them. Log: an entry for each step.
-- ARGV: now_ms, operation id, revision read, most the granted total may reach, credits the steps grant, then parts, each
--       the number of its pairs and field, value …: of the account, the subscription, the invoices; then steps of six
--       words: kind, where, n, cap (credits, 0 = none), balance the cap is counted from (-1 = as it is), note.
-- Returns: {'ok', revision after} (the same for a repeat) | {'unknown'} | {'moved', revision} somebody was here first:
--          read again | {'too_much'}.
-- Invariant: granted = available + held + spent + expired; each revision is left once, so each month is granted once.
local op = 'amend:' .. ARGV[2]
if call('EXISTS', account) == 0 then return { 'unknown' } end
local known = call('HGET', ops, op)
if known then return { 'ok', known } end
local revision = num(call('HGET', subscription, 'revision'))
if revision ~= tonumber(ARGV[3]) then return { 'moved', int(revision) } end
if num(call('HGET', wallet, 'granted')) + tonumber(ARGV[5]) > tonumber(ARGV[4]) then return { 'too_much' } end
-- Nothing fails below.
local after_invoices = put(invoices, put(subscription, put(account, 6)))
call('HSET', subscription, 'revision', int(revision + 1))
take_steps(after_invoices)
remember(op, int(revision + 1))
return { 'ok', int(revision + 1) }
