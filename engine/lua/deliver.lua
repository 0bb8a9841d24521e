-- deliver: put one campaign's InMails into mailboxes; the only script that is not about one account.
-- Before → after: an InMail id is in its recipient's mailbox, with the time it first came there.
-- KEYS: the mailboxes. ARGV: now_ms, campaign id, then the index of each mailbox's InMail.
-- Returns: how many are there now. Delivering twice changes nothing, and passes with memory full: their credits
-- are held already, and only so many packs are in hand.
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local at, stem = string.format('%.0f', now), ARGV[2] .. '.'
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit.
if #KEYS > 0 then redis.call('ZREM', KEYS[1], '') end
for i = 1, #KEYS do redis.call('ZADD', KEYS[i], 'NX', at, stem .. ARGV[i + 2]) end
return #KEYS
