-- First part of the beginning of every script: the keys of one account (and of one campaign), the clock, numbers and
-- times, operation ids. KEYS stand in the order of engine/keys.py; ARGV[1] is the time in epoch ms, '0' meaning
-- Redis' own TIME (only a simulation passes another).
local account, wallet, log, ops, campaigns = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local active, sending, drafts, open, suppressed = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local calls, stale = KEYS[11], KEYS[12]
local campaign, letters, sent, rows, due = KEYS[13], KEYS[14], KEYS[15], KEYS[16], KEYS[17]
local leases, tokens, again, replies, failures = KEYS[18], KEYS[19], KEYS[20], KEYS[21], KEYS[22]
local digests, staged, staged_digests = KEYS[23], KEYS[24], KEYS[25]
local call = redis.call

local now = tonumber(ARGV[1])
if now == 0 then
  local t = call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- Whole numbers leave Lua as plain digits: a float joined into a string would become 1e+14.
local function int(n) return string.format('%.0f', n) end

local function num(text) return tonumber(text or '0') or 0 end

-- Redis looks at its memory limit at a script's first write only, and never where that one frees memory: a
-- transition that must go through with memory full (answers, refunds, what a worker has done) begins with this.
local function although_memory_is_full() call('HDEL', ops, '') end

-- Remember the outcome of an operation id. One made for a single call ('call:…') is forgotten after a day: only
-- that call's own repeats can ask for it.
local function remember(op, outcome)
  call('HSET', ops, op, outcome)
  if not string.find(op, '^%a+:call:') then return end
  call('ZADD', calls, int(now), op)
  for _, old in ipairs(call('ZRANGEBYSCORE', calls, '-inf', int(now - 86400000), 'LIMIT', 0, 10)) do
    call('ZREM', calls, old)
    call('HDEL', ops, old)
  end
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

-- The digests of addresses, 12 bytes each, that were joined into one text.
local function cut(joined)
  local people = {}
  for i = 1, #joined / 12 do people[i] = string.sub(joined, i * 12 - 11, i * 12) end
  return people
end
