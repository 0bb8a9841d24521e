-- What the scripts of the directory share, put before them. All are called with keys of one shard.
local function lines(text)
  local found = {}
  for line in string.gmatch(text .. '\n', '(.-)\n') do found[#found + 1] = line end
  return found
end

local function each_digest(joined)
  local found = {}
  for i = 1, #joined / 12 do found[i] = string.sub(joined, i * 12 - 11, i * 12) end
  return found
end

-- A wish is 'revision letter since_ms'; of two the one with the higher revision is the later.
local function revision(wish) return tonumber(string.match(wish or '', '^%d+')) or 0 end
local function letter(wish) return string.match(wish or '', '^%d+ (%a)') end

local function stamp(ms)
  local bytes = {}
  for i = 6, 1, -1 do
    local b = ms % 256
    bytes[i] = string.char(b)
    ms = (ms - b) / 256
  end
  return table.concat(bytes)
end

-- Append the one entry of a call to the shard's change log and let go of old ones, so that it holds `kept` ids at most
-- but for the newest entry. The number of an entry is higher than any before it and made of the time: where Redis goes
-- back to an older state, a number seen since is none of this log any more, and whoever follows it notices.
local function note(changes, directory, kept, ids)
  if #ids == 0 then return end
  local d = call('HMGET', directory, 'seq', 'let_go', 'ids')
  local seq, let_go = int(math.max((tonumber(d[1]) or 0) + 1, now * 1000)), d[2] or '0'
  local held = (tonumber(d[3]) or 0) + #ids
  call('XADD', changes, seq .. '-0', 'ids', table.concat(ids, '\n'))
  while held > kept do
    local oldest = call('XRANGE', changes, '-', '+', 'COUNT', 1)[1]
    if oldest[1] == seq .. '-0' then break end
    local _, breaks = string.gsub(oldest[2][2], '\n', '')
    call('XDEL', changes, oldest[1])
    held, let_go = held - breaks - 1, string.match(oldest[1], '^%d+')
  end
  call('HSET', directory, 'seq', seq, 'let_go', let_go, 'ids', int(held))
end
