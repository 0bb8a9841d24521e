-- Shared beginning of every script: the keys of one account (and of one campaign), the clock, and the few
-- moves every transition is made of. KEYS stand in the order of engine/keys.py; ARGV[1] is the time in
-- epoch ms, '0' meaning Redis' own TIME (only a simulation passes another).
local account, wallet, log, ops, campaigns = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local active, sending, drafts, open, suppressed = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local calls = KEYS[11]
local campaign, letters, sent, rows, due = KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local leases, tokens, again, replies, failures = KEYS[17], KEYS[18], KEYS[19], KEYS[20], KEYS[21]
local staged = KEYS[22]
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

-- Redis looks at its memory limit at a script's first write only, and never where that one frees memory: a
-- transition that must go through with memory full (answers, refunds, what a worker has done) begins with this.
local function although_memory_is_full() call('HDEL', ops, '') end

-- The chain number of a log entry: made of the one before and of all the entry says, so that two logs that
-- once parted are told apart by any later entry. Below 2^45, so that every step stays exact.
local function link(chain, text)
  for i = 1, #text do chain = (chain * 131 + string.byte(text, i)) % 35184372088777 end
  return chain
end

-- Append the one log entry of a transition. Its id is the account's next dense sequence number; it carries
-- the letters that moved ('QC500 QP3') and the wallet after (available,held,spent,granted,expired).
local function journal(kind, of, at, n, moves, note)
  local w = call('HMGET', wallet, 'available', 'held', 'spent', 'granted', 'expired', 'seq', 'chain')
  local after = table.concat(w, ',', 1, 5)
  local seq = int(num(w[6]) + 1)
  local entry = { seq, kind, of, at, int(n), moves, after, int(now), note }
  local chain = int(link(num(w[7]), table.concat(entry, '|')))
  call('HSET', wallet, 'seq', seq, 'chain', chain)
  call('XADD', log, seq .. '-0', 'kind', kind, 'campaign', of, 'at', at, 'n', int(n),
    'moves', moves, 'wallet', after, 'at_ms', int(now), 'note', note, 'chain', chain)
  return seq
end

-- How far the log has come, for a process to remember: 'history seq chain'. The history counts how often an
-- operator accepted a log that had gone back.
local function mark()
  local w = call('HMGET', wallet, 'seq', 'chain')
  return (call('HGET', account, 'history') or '0') .. ' ' .. (w[1] or '0') .. ' ' .. (w[2] or '0')
end

-- Compare the log with a mark seen earlier ('' = none). Where the log has gone back behind it (a failover, a lost
-- tail of the append-only file), sending stops for the account: credits may be spent twice otherwise.
local function heed(seen)
  local history, seq, chain = string.match(seen, '^(%d+) (%d+) (%d+)$')
  if not history then return end
  local a = call('HMGET', account, 'history', 'stopped')
  if (a[2] or '') ~= '' or num(history) < num(a[1]) then return end
  local at = num(call('HGET', wallet, 'seq'))
  local reason
  if num(history) > num(a[1]) or num(seq) > at then
    reason = 'log entry ' .. seq .. ' was seen, the log ends at ' .. int(at)
  else
    local entry = call('XRANGE', log, seq .. '-0', seq .. '-0')[1]
    for i = 1, entry and #entry[2] or 0, 2 do
      if entry[2][i] == 'chain' and entry[2][i + 1] ~= chain then
        reason = 'log entry ' .. seq .. ' is not the one that was seen'
      end
    end
  end
  if reason then
    call('HSET', account, 'stopped', reason)
    journal('stop', '', '', 0, '', reason)
  end
end

-- Remember the outcome of an operation id. One made for a single call ('call:…') is forgotten after a day: only
-- that call's own repeats can ask for it.
local function remember(op, outcome)
  call('HSET', ops, op, outcome)
  if not string.find(op, ':call:', 1, true) then return end
  call('ZADD', calls, int(now), op)
  for _, old in ipairs(call('ZRANGEBYSCORE', calls, '-inf', int(now - 86400000), 'LIMIT', 0, 10)) do
    call('ZREM', calls, old)
    call('HDEL', ops, old)
  end
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

-- Credits that may be debited now: what is available, within the plan's simultaneous contacts (0 = no limit);
-- none while the account is stopped. Every open contact holds one credit, so `held` is their number. Returns the
-- room and what bounds it.
local function room()
  local w = call('HMGET', wallet, 'available', 'held')
  local a = call('HMGET', account, 'simultaneous_contacts', 'stopped')
  if (a[2] or '') ~= '' then return 0, 'audit' end
  local limit = num(a[1])
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
