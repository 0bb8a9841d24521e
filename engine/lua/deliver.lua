-- deliver: put the InMails of one pack into their recipients' mailboxes; not about one account.
-- Before → after: ' campaign/pack@now_ms' stands once in the mailbox of each recipient, at the end or where it was
--                 before; not of those nobody may write to, unless it stands there already. A mailbox grown long moves
--                 what it has to its zset of older mail.
-- KEYS: shards of mailboxes; one more on a cluster, which is not looked at. ARGV: now_ms, campaign/pack, then for each
--       shard the digests of its recipients.
-- Returns: the digests of those who may not be written to, joined. Delivering twice changes nothing, and passes with memory full: the credits
-- are held already, and only so many packs are in hand.
local ref, at, long = ARGV[2], string.format('%.0f', now), 1024
local stem = ' ' .. ref .. '@'
local entry, refused = stem .. at, {}

local function older(shard, person)
  return shard .. ':' .. string.gsub(person, '.', function(c) return string.format('%02x', string.byte(c)) end)
end

-- What the mailbox holds with this InMail in it, or nil where it is there already.
local function with_it(shard, person, was)
  if string.find(was, stem, 1, true) then return nil end
  local spilt = string.sub(was, 1, 1) == '+'
  if spilt and call('ZSCORE', older(shard, person), ref) then return nil end
  if #was < long then return was .. entry end
  for old, when in string.gmatch(was, ' (%S+)@(%d+)') do call('ZADD', older(shard, person), when, old) end
  return '+' .. entry
end

-- Nothing fails below. The first write frees memory, so Redis does not look at its limit.
if #KEYS > 0 then call('HDEL', KEYS[1], '') end
for k = 1, #ARGV - 2 do
  local shard, joined, people, put = KEYS[k], ARGV[k + 2], {}, {}
  for i = 1, #joined / 12 do people[i] = string.sub(joined, i * 12 - 11, i * 12) end
  local mailboxes, optouts = call('HMGET', shard, unpack(people)), {}
  if call('EXISTS', shard .. ':optouts') == 1 then optouts = call('HMGET', shard .. ':optouts', unpack(people)) end
  for i, person in ipairs(people) do
    local after = entry
    if mailboxes[i] then after = with_it(shard, person, mailboxes[i]) end
    if after and optouts[i] then
      refused[#refused + 1] = person
    elseif after then
      put[#put + 1] = person
      put[#put + 1] = after
    end
  end
  if #put > 0 then call('HSET', shard, unpack(put)) end
end
return table.concat(refused)
