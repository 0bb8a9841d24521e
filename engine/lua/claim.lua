-- claim: give one worker the recipients of a pack it may deliver to, a credit debited for each.
-- Before: letters Q (running only) and C whose worker is gone. After, in this order: suppressed → O,
--         pair-locked → P, then as many Q → C as credits and simultaneous contacts allow; the rest stay Q and
--         the campaign waits, saying for what. The pack is leased to the token. Log: claim.
-- ARGV: now_ms, token, lease_ms, pack, first index, addresses of the pack joined by newlines, mark of the log seen.
-- Returns: {'ok', slice of letters after, state, mark} | {'busy'} leased to another token | {'unknown'}.
-- Invariant: held = letters C and S of the account = open contacts.
local token, lease_ms, pack, first = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local addresses = lines(ARGV[6])
local n = #addresses
local c = call('HMGET', campaign, 'state', 'id')
local state, id = c[1], c[2]
if not state then return { 'unknown' } end
local holder = call('HGET', tokens, pack)
if holder and holder ~= token and num(call('ZSCORE', leases, pack)) > now then return { 'busy' } end
-- Nothing fails below.
heed(ARGV[7])
local slice = call('GETRANGE', letters, int(first), int(first + n - 1))
local ref = string.match(id, '%d+$') .. '.'
local space, bound = room()
local optouts = call('SCARD', suppressed) > 0
local claimed, opted_out, locked, mine, left = 0, 0, 0, 0, 0
local after = {}
for i = 1, n do
  local letter = string.sub(slice, i, i)
  if letter == 'Q' and state == 'running' then
    local address = addresses[i]
    if optouts and call('SISMEMBER', suppressed, address) == 1 then
      letter, opted_out = 'O', opted_out + 1
    elseif space > 0 then
      if call('HSETNX', open, address, ref .. int(first + i - 1)) == 1 then
        letter, claimed, space = 'C', claimed + 1, space - 1
      else
        letter, locked = 'P', locked + 1
      end
    elseif call('HEXISTS', open, address) == 1 then
      letter, locked = 'P', locked + 1
    end
  end
  if letter == 'C' then mine = mine + 1 elseif letter == 'Q' then left = left + 1 end
  after[i] = letter
end
local result = table.concat(after)
local settled = claimed + opted_out + locked
if settled > 0 then
  call('SETRANGE', letters, int(first), result)
  move('available', 'held', claimed)
  count('queued', -settled)
  count('claimed', claimed)
end
local note = ''
if left > 0 and state == 'running' and space == 0 then
  state, note = 'waiting', 'waiting for ' .. bound
  call('HSET', campaign, 'state', state, 'waiting_for', bound)
end
if mine > 0 then
  call('ZADD', leases, int(now + lease_ms), pack)
  call('HSET', tokens, pack, token)
else
  call('ZREM', leases, pack)
  call('HDEL', tokens, pack)
  if left > 0 and state ~= 'cancelled' then call('ZADD', again, pack, pack) end
  local ended = settled > 0 and finish() or ''
  if ended ~= '' then state, note = ended, ended end
end
if settled > 0 or note ~= '' then
  journal('claim', id, pack, claimed, moved('QC', claimed, 'QO', opted_out, 'QP', locked), note)
end
return { 'ok', result, state, mark() }
