-- release: choose the packs of one campaign that go to the queue now.
-- Before: scheduled, running, waiting; packs unreleased, released before, or with a lease run out.
-- After: a scheduled one whose time has come, or a waiting one that has room again, is running (log: start);
--        one without room is waiting, and says for what (log: wait). Each chosen pack has a lease and no token.
-- ARGV: now_ms, lease_ms, most recipients in flight (two packs at least), how much of the account's room is
--       spoken for by campaigns before this one, id of this call, epoch of the leading scheduler (0 = none leads),
--       mark of the log seen, most recipients to choose in this call (one pack at least; 0 = no bound).
-- Returns: {state, waiting_for, next look at ms (0 = when woken), 1 when more is to be released as soon as the queue
--          and what is in flight allow it, recipients in flight, mark, room of the account,
--          pack_size, recipients of the campaign, pack, pack …} at most 500 packs (the same for a repeat) | {'unknown'} | {'deposed', its epoch} a later
--          scheduler leads: nothing was changed.
local lease_until = now + tonumber(ARGV[2])
local c = call('HMGET', campaign, 'state', 'start_at_ms', 'packs', 'pack_size', 'next_pack', 'queued', 'id',
  'recipients', 'claimed', 'turn', 'turn_packs', 'seat', 'waiting_for')
local state, size, queued = c[1], num(c[4]), num(c[6])
if not state then return { 'unknown' } end
local epoch, fence = tonumber(ARGV[6]), num(call('HGET', account, 'fence'))
if epoch > 0 and epoch < fence then return { 'deposed', int(fence) } end
local at_once = tonumber(ARGV[8])
local quota = at_once > 0 and math.min(500, math.max(1, math.ceil(at_once / size))) or 500
local function answer(packs, more)
  local soonest = num(call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2])
  local flying = math.min(call('ZCARD', leases) * size, queued + num(c[9]))
  return { state, call('HGET', campaign, 'waiting_for'), int(soonest), (more or #packs >= quota) and '1' or '0', int(flying), mark(), int((room())),
    c[4], c[8], unpack(packs) }
end
if c[10] == ARGV[5] then
  local packs = {}
  for pack in string.gmatch(c[11], '%d+') do packs[#packs + 1] = pack end
  return answer(packs)
end
-- Nothing fails below.
if epoch > fence then call('HSET', account, 'fence', ARGV[6]) end
heed(ARGV[7])
local most = math.max(2, math.ceil(tonumber(ARGV[3]) / size))
if state == 'scheduled' and num(c[2]) > now then return { state, '', c[2], '0', 0, mark(), '0', c[4], c[8] } end
local space, bound, without_cap = room(c[12] or '')
-- What others have in flight takes of the account's room, not of this seat's.
local free = math.min(space, (without_cap or space) - tonumber(ARGV[4]))

local function become(to, reason, kind)
  call('HSET', campaign, 'state', to, 'waiting_for', reason)
  state = to
  journal(kind, c[7], '', 0, '', reason)
end
if state == 'scheduled' then become('running', '', 'start') end
if state == 'waiting' and (free > 0 or queued == 0) then become('running', '', 'start') end
-- It says at any time what it waits for, also when that is another thing than before.
if queued > 0 and space == 0 and (state == 'running' or state == 'waiting' and c[13] ~= bound) then
  become('waiting', bound, 'wait')
end

local chosen, more = {}, false
local function take(pack)
  call('ZADD', leases, int(lease_until), pack)
  call('HDEL', tokens, pack)
  chosen[#chosen + 1] = pack
end
-- A pack whose worker is gone: its claimed letters must be finished whatever the campaign's state is by now.
for _, pack in ipairs(call('ZRANGEBYSCORE', leases, '-inf', int(now), 'LIMIT', 0, 500)) do
  local first = tonumber(pack) * size
  local slice = call('GETRANGE', letters, int(first), int(first + size - 1))
  if string.find(slice, 'C', 1, true) then
    take(pack)
  else
    call('ZREM', leases, pack)
    call('HDEL', tokens, pack)
    if string.find(slice, 'Q', 1, true) then call('ZADD', again, pack, pack) end
  end
end
if state == 'running' then
  local want = math.min(most, math.ceil(math.min(free, queued) / size))
  local flying, next_pack, packs = call('ZCARD', leases), num(c[5]), num(c[3])
  while flying < want and #chosen < quota do
    local pack = call('ZRANGE', again, 0, 0)[1]
    if pack then
      call('ZREM', again, pack)
    elseif next_pack < packs then
      pack = int(next_pack)
      next_pack = next_pack + 1
    else
      break
    end
    -- A pack a worker holds is not handed out beside it: when its lease ends, whatever is left is found again.
    if not call('ZSCORE', leases, pack) then
      take(pack)
      flying = flying + 1
    end
  end
  more = flying >= most and (next_pack < packs or call('ZCARD', again) > 0)
  if next_pack > num(c[5]) then call('HSET', campaign, 'next_pack', int(next_pack)) end
end
if #chosen > 0 then call('HSET', campaign, 'turn', ARGV[5], 'turn_packs', table.concat(chosen, ' ')) end
return answer(chosen, more)
