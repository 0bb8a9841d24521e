-- seat: add a seat to an account, set its cap, or take it away.
-- Before → after: add: no such seat → it stands among the account's, with its cap; cap: another cap, or none: what was
--         used in this month stays used; remove: the seat, its cap and what it used are forgotten, and its campaigns go
--         on without a cap. Log: seat_add, seat_cap, seat_remove, of the seat, which the auditor counts by.
-- KEYS: the account's, then the seats. ARGV: now_ms, verb, operation id, seat, cap in credits ('' = none), most seats of
--       an account, the seat as JSON.
-- Returns: {'ok', '1' when it changed something} (the same for a repeat) | {'unknown'} no such account | {'no_seat'}
--          | {'exists', the seat as JSON, its cap} | {'too_many'}.
-- Invariant: a seat stands in the seats as long as `seat:ID` in the account, which is what other scripts look at: the
--          number of the entry that added it, so that nothing made for one seat is taken for one of the same name later.
local verb, op, seat, cap, seats = ARGV[2], 'seat:' .. ARGV[3], ARGV[4], ARGV[5], KEYS[13]
if call('EXISTS', account) == 0 then return { 'unknown' } end
-- A repeat of a call long answered must not undo what somebody asked for since.
local known = call('HGET', ops, op)
if known then return { 'ok', known } end
local stands, before = call('HEXISTS', account, 'seat:' .. seat) == 1, call('HGET', account, 'cap:' .. seat) or ''
if verb ~= 'add' and not stands then return { 'no_seat' } end
if verb == 'add' and stands then return { 'exists', call('HGET', seats, seat), before } end
if verb == 'add' and call('HLEN', seats) >= tonumber(ARGV[6]) then return { 'too_many' } end
-- Nothing fails below.
local changed = '1'
local function note(kind)
  if cap == '' then return journal(kind, '', seat, 0, '', 'no cap') end
  return journal(kind, '', seat, tonumber(cap), '', 'cap ' .. cap)
end
local function put_cap()
  if cap == '' then call('HDEL', account, 'cap:' .. seat) else call('HSET', account, 'cap:' .. seat, cap) end
end
if verb == 'add' then
  call('HSET', seats, seat, ARGV[7])
  call('HSET', account, 'seat:' .. seat, note('seat_add'))
  put_cap()
elseif verb == 'remove' then
  call('HDEL', seats, seat)
  call('HDEL', account, 'seat:' .. seat, 'cap:' .. seat, 'used:' .. seat)
  journal('seat_remove', '', seat, 0, '', '')
elseif cap ~= before then
  put_cap()
  note('seat_cap')
else
  changed = '0'
end
remember(op, changed)
return { 'ok', changed }
