-- steer: pause, resume or cancel a campaign; claims look at the state, so it takes effect at once.
-- Before → after: pause: scheduled, running, waiting → paused; resume: paused → scheduled (its time has not
--         come), running, or waiting where there is no room; cancel: scheduled, running, waiting, paused → cancelled. Log: the verb.
-- ARGV: now_ms, verb, operation id.
-- Returns: {'ok', state} (also when it stands there already, and the same for a repeat) | {'wrong_state', state} | {'unknown'}.
local verb, op = ARGV[2], 'steer:' .. ARGV[3]
local c = call('HMGET', campaign, 'state', 'id', 'start_at_ms', 'queued', 'seat')
local state = c[1]
if not state then return { 'unknown' } end
-- A repeat of a call long answered must not undo what somebody asked for since.
local known = call('HGET', ops, op)
if known then return { 'ok', known } end
local live = state == 'scheduled' or state == 'running' or state == 'waiting'
local to
if verb == 'pause' then
  if live or state == 'paused' then to = 'paused' end
elseif verb == 'resume' then
  if live then to = state elseif state == 'paused' then to = num(c[3]) > now and 'scheduled' or 'running' end
elseif verb == 'cancel' then
  if live or state == 'paused' or state == 'cancelled' then to = 'cancelled' end
end
if not to then return { 'wrong_state', state } end
local reason, space, bound = '', room(c[5] or '')
if to == 'running' and to ~= state and space == 0 and num(c[4]) > 0 then to, reason = 'waiting', bound end
-- Nothing fails below.
although_memory_is_full()
if to ~= state then
  call('HSET', campaign, 'state', to, 'waiting_for', reason)
  journal(verb, c[2], '', 0, '', reason == '' and to or 'waiting for ' .. reason)
end
remember(op, to)
return { 'ok', to }
