-- Third part of the beginning of every script: the moves of credits and letters that transitions are made of.

-- Move n credits between two wallet fields. n may be 0; HINCRBY refuses '-0', so nothing is written then.
local function move(from, to, n)
  if n > 0 then
    call('HINCRBY', wallet, from, int(-n))
    call('HINCRBY', wallet, to, int(n))
  end
end

local function count(field, n)
  if n ~= 0 then call('HINCRBY', campaign, field, int(n)) end
end

-- 'QC500 QP3' from pairs; pairs with nothing moved are left out.
local function moved(...)
  local parts, args = {}, {...}
  for i = 1, #args, 2 do
    if args[i + 1] > 0 then parts[#parts + 1] = args[i] .. int(args[i + 1]) end
  end
  return table.concat(parts, ' ')
end

-- Whether the account's subscription lets it send now; one that has ended may not have been looked at yet.
local function may_send()
  local a = of_account()
  local until_ms = num(a[5])
  return a[4] == '1' and (until_ms == 0 or now < until_ms)
end

-- What a seat of the account has had debited in this month, and how much more it may; nothing bounds one without a cap.
local function seat_used(seat)
  local month, used = string.match(call('HGET', account, 'used:' .. seat) or '', '^(%S*) (%d+)$')
  return month == (of_account()[6] or '') and num(used) or 0
end

local function seat_left(seat)
  local cap = seat ~= '' and call('HGET', account, 'cap:' .. seat)
  return cap and math.max(num(cap) - seat_used(seat), 0) or math.huge
end

-- Credits that may be debited now for a campaign of this seat ('' = nobody's): what is available, within the plan's
-- simultaneous contacts (0 = no limit) and the seat's cap; none while the account is stopped or has no subscription
-- to send under. Every open contact holds one credit, so `held` is their number. Returns the room, what bounds it, and
-- where that is the seat's cap the room there is without it.
local function room(seat)
  local w = call('HMGET', wallet, 'available', 'held')
  local a = of_account()
  if (a[2] or '') ~= '' then return 0, 'audit' end
  if not may_send() then return 0, 'subscription' end
  local limit = num(a[3])
  local space, bound = num(w[1]), 'credits'
  if limit > 0 and limit - num(w[2]) < space then space, bound = math.max(limit - num(w[2]), 0), 'contacts' end
  local left = seat_left(seat or '')
  if left < space then return left, 'seat', space end
  return space, bound
end

local function tally(text, letter)
  local _, n = string.gsub(text, letter, '')
  return n
end

-- A pack of which nothing is open and nothing queued needs its digests no more.
local function forget_digests(pack, slice)
  if not string.find(slice, '[CSQ]') then call('HDEL', digests, pack) end
end

-- Whether what stands in `open` for an address ('number.pack') holds it still: not when that pack is closed, as a
-- closed pack has no digests. The key is that of another campaign of the same account, spelled like this one's.
local known_refs = {}
local function holds(ref)
  if known_refs[ref] == nil then
    local number, pack = string.match(ref, '^(%d+)%.(%d+)$')
    local other = string.gsub(digests, ':c%d+:digests$', ':c' .. number .. ':digests')
    known_refs[ref] = call('HEXISTS', other, pack) == 1
  end
  return known_refs[ref]
end

-- A campaign with nothing left to deliver is sent; with nothing left to answer as well, closed.
-- A cancelled one keeps its name. Either leaves the sets that say so. Returns what the log should note, or ''.
local function finish()
  local c = call('HMGET', campaign, 'state', 'queued', 'claimed', 'sent', 'id')
  if num(c[2]) > 0 or num(c[3]) > 0 then return '' end
  local over = num(c[4]) == 0
  call('ZREM', sending, c[5])
  if over then call('ZREM', active, c[5]) end
  if c[1] == 'cancelled' then return '' end
  local state = over and 'closed' or 'sent'
  if c[1] == state then return '' end
  call('HSET', campaign, 'state', state, 'waiting_for', '')
  return state
end
