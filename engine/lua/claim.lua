-- claim: give one worker the recipients of a pack it may deliver to, a credit debited for each.
-- Before: letters Q (running only) and C whose worker is gone. After, in this order: suppressed → O,
--         pair-locked → P, then as many Q → C as credits, simultaneous contacts and the worker allow; the rest stay Q.
--         Where credits, contacts or the seat's cap are out, or the subscription, the campaign waits, saying for what. The pack is leased to the token.
--         Log: claim.
-- ARGV: now_ms, token, lease_ms, pack, mark of the log seen, then for channels that bound it 'name most' lines: how
--       many recipients to claim at once.
-- Returns: {'ok', slice of letters after, state, mark, digests of the pack's addresses ('' where none
--          is claimed), first index, channel,
--          pack_size, the percentage ('20', '5', '0') the balance fell under, '' = none}
--          | {'busy'} leased to another token | {'unknown'} | {'lost'} the pack's rows are missing.
-- Invariant: held = letters C and S of the account = open contacts. (No address stands twice in one campaign.)
local token, lease_ms, pack = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local c = call('HMGET', campaign, 'state', 'id', 'pack_size', 'recipients', 'channel', 'seat')
local state, id = c[1], c[2]
local first = tonumber(pack) * num(c[3])
local n = math.min(num(c[3]), num(c[4]) - first)
if not state or n <= 0 then return { 'unknown' } end
local holder = call('HGET', tokens, pack)
if holder and holder ~= token and num(call('ZSCORE', leases, pack)) > now then return { 'busy' } end
local result, joined = call('GETRANGE', letters, int(first), int(first + n - 1)), call('HGET', digests, pack)
if string.find(result, '[CQ]') and (#(joined or '') ~= n * 12 or call('HEXISTS', rows, pack) == 0) then
  return { 'lost' }
end
local people = cut(joined or '')
local most = tonumber(string.match('\n' .. ARGV[6], '\n' .. c[5] .. ' (%d+)') or '0')
-- Nothing fails below.
heed(ARGV[5])
local seat = c[6] or ''
local space, bound = room(seat)
local claimed, opted_out, locked = 0, 0, 0
if state == 'running' and string.find(result, 'Q', 1, true) then
  local room_here = most > 0 and math.min(space, most) or space
  local optouts = call('HLEN', suppressed) > 0 and call('HMGET', suppressed, unpack(people)) or {}
  local contacts = call('HMGET', open, unpack(people))
  local after, opened, ref = {}, {}, string.match(id, '%d+$') .. '.' .. pack
  for i = 1, n do
    local letter = string.sub(result, i, i)
    if letter == 'Q' then
      if optouts[i] then
        letter, opted_out = 'O', opted_out + 1
      elseif contacts[i] and holds(contacts[i]) then
        letter, locked = 'P', locked + 1
      elseif claimed < room_here then
        letter, claimed = 'C', claimed + 1
        opened[claimed * 2 - 1], opened[claimed * 2] = people[i], ref
      end
    end
    after[i] = letter
  end
  result = table.concat(after)
  if claimed > 0 then
    call('HSET', open, unpack(opened))
    use_seat(seat, claimed)
  end
end
local mine, left, settled = tally(result, 'C'), tally(result, 'Q'), claimed + opted_out + locked
if settled > 0 then
  call('SETRANGE', letters, int(first), result)
  move('available', 'held', claimed)
  count('queued', -settled)
  count('claimed', claimed)
end
local note = ''
if left > 0 and state == 'running' and space == claimed then
  state, note = 'waiting', 'waiting for ' .. bound
  call('HSET', campaign, 'state', state, 'waiting_for', bound)
end
if mine > 0 then
  call('ZADD', leases, int(now + lease_ms), pack)
  call('HSET', tokens, pack, token)
else
  call('ZREM', leases, pack)
  call('HDEL', tokens, pack)
  forget_digests(pack, result)
  if left > 0 and state ~= 'cancelled' then call('ZADD', again, pack, pack) end
  local ended = settled > 0 and finish() or ''
  if ended ~= '' then state, note = ended, ended end
end
if settled > 0 or note ~= '' then
  journal('claim', id, pack, claimed, moved('QC', claimed, 'QO', opted_out, 'QP', locked), note)
end
local low = claimed > 0 and warn_of_low_balance() or ''
return { 'ok', result, state, mark(), mine > 0 and joined or '', int(first), c[5], c[3], low }
