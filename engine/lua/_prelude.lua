-- Shared beginning of every script: the keys of one account (and of one campaign), the clock, and the few
-- moves every transition is made of. KEYS stand in the order of engine/keys.py; ARGV[1] is the time in
-- epoch ms, '0' meaning Redis' own TIME (only a simulation passes another).
local account, wallet, log, ops, campaigns = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local active, sending, drafts, open, suppressed = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local campaign, letters, sent, rows, due = KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local leases, tokens, again, replies, failures = KEYS[16], KEYS[17], KEYS[18], KEYS[19], KEYS[20]
local staged = KEYS[21]
local call = redis.call

local now = tonumber(ARGV[1])
if now == 0 then
  local t = call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- Whole numbers leave Lua as plain digits: a float joined into a string would become 1e+14.
local function int(n) return string.format('%.0f', n) end

local function num(text) return tonumber(text or '0') or 0 end

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

-- Append the one log entry of a transition. Its id is the account's next dense sequence number; it carries
-- the letters that moved ('QC500 QP3') and the wallet after (available,held,spent,granted,expired).
local function journal(kind, of, at, n, moves, note)
  local seq = call('HINCRBY', wallet, 'seq', 1)
  local after = table.concat(call('HMGET', wallet, 'available', 'held', 'spent', 'granted', 'expired'), ',')
  call('XADD', log, int(seq) .. '-0', 'kind', kind, 'campaign', of, 'at', at, 'n', int(n),
    'moves', moves, 'wallet', after, 'at_ms', int(now), 'note', note)
  return seq
end

-- 'QC500 QP3' from pairs; pairs with nothing moved are left out.
local function moved(...)
  local parts, args = {}, {...}
  for i = 1, #args, 2 do
    if args[i + 1] > 0 then parts[#parts + 1] = args[i] .. int(args[i + 1]) end
  end
  return table.concat(parts, ' ')
end

-- The six bytes that stand for a time in the sent column, and back.
local function stamp(ms)
  local bytes = {}
  for i = 6, 1, -1 do
    local b = ms % 256
    bytes[i] = string.char(b)
    ms = (ms - b) / 256
  end
  return table.concat(bytes)
end

local function unstamp(text)
  local ms = 0
  for i = 1, #text do ms = ms * 256 + string.byte(text, i) end
  return ms
end

local function lines(text)
  local list = {}
  for line in string.gmatch(text, '[^\n]+') do list[#list + 1] = line end
  return list
end

-- Credits that may be debited now: what is available, within the plan's simultaneous contacts (0 = no limit).
-- Every open contact holds one credit, so `held` is their number. Returns the room and what bounds it.
local function room()
  local w = call('HMGET', wallet, 'available', 'held')
  local limit = num(call('HGET', account, 'simultaneous_contacts'))
  local credits, contacts = num(w[1]), limit - num(w[2])
  if limit > 0 and contacts < credits then return math.max(contacts, 0), 'contacts' end
  return credits, 'credits'
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
