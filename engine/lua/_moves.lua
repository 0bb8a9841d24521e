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

-- Credits that may be debited now: what is available, within the plan's simultaneous contacts (0 = no limit);
-- none while the account is stopped. Every open contact holds one credit, so `held` is their number. Returns the
-- room and what bounds it.
local function room()
  local w = call('HMGET', wallet, 'available', 'held')
  local a = of_account()
  if (a[2] or '') ~= '' then return 0, 'audit' end
  local limit = num(a[3])
  local credits, contacts = num(w[1]), limit - num(w[2])
  if limit > 0 and contacts < credits then return math.max(contacts, 0), 'contacts' end
  return credits, 'credits'
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
