-- submit: turn an uploaded draft into a campaign; from here on it runs by itself.
-- Before: draft, all rows uploaded. After: scheduled, running, or waiting where there is no room; every letter Q;
--         log: submit.
-- ARGV: now_ms, campaign id, token of the upload, recipients, start_at_ms (0 = at once), then field, value …
--       Among the fields: fingerprint (of list and message), pack_size, packs.
-- Returns: {'ok', state} (also for a repeat) | {'cannot_send'} | {'bulk', most recipients the plan takes} | {'no_seat'} | {'missing_rows'} | {'conflict'} the draft's
--          operation id was already used for another order.
-- Invariant: as many letters as recipients, as many packs of rows and of digests as the pack size needs.
local id, recipients, start_at = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local field = {}
for i = 6, #ARGV, 2 do field[ARGV[i]] = ARGV[i + 1] end
local known = call('HMGET', campaign, 'state', 'fingerprint')
if known[1] then
  if known[2] ~= field.fingerprint then return { 'conflict' } end
  return { 'ok', known[1] }
end
if not may_send() then return { 'cannot_send' } end
local most = num(call('HGET', account, 'recipients_per_campaign'))
if most > 0 and recipients > most then return { 'bulk', int(most) } end
if (field.seat or '') ~= '' and call('HEXISTS', account, 'seat:' .. field.seat) == 0 then return { 'no_seat' } end
local packs = tonumber(field.packs)
if call('HLEN', staged) ~= packs or call('HLEN', staged_digests) ~= packs then return { 'missing_rows' } end
-- Nothing fails below.
local state, reason, space, bound = start_at > now and 'scheduled' or 'running', '', room(field.seat)
if state == 'running' and space == 0 then state, reason = 'waiting', bound end
for name, value in pairs(field) do call('HSET', campaign, name, value) end
call('HSET', campaign, 'id', id, 'state', state, 'waiting_for', reason, 'recipients', int(recipients),
  'queued', int(recipients), 'claimed', 0, 'sent', 0, 'next_pack', 0, 'start_at_ms', int(start_at),
  'submitted_at_ms', int(now))
call('SET', letters, string.rep('Q', recipients))
local number = string.match(id, '%d+$')
call('ZADD', campaigns, number, id)
call('ZADD', active, number, id)
call('ZADD', sending, number, id)
call('RENAME', staged, rows)
call('RENAME', staged_digests, digests)
call('ZREM', drafts, id .. ' ' .. ARGV[3])
journal('submit', id, '', recipients, '-Q' .. int(recipients),
  reason == '' and state or 'waiting for ' .. reason)
return { 'ok', state }
