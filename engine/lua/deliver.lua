-- deliver: put one campaign's InMails into mailboxes; the only script that is not about one account.
-- Before → after: an InMail id is in its recipient's mailbox, with the time it first came there.
-- KEYS: the mailboxes. ARGV: now_ms, campaign id, then the index of each mailbox's InMail.
-- Returns: how many were new. Delivering twice changes nothing.
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local at, stem, new = string.format('%.0f', now), ARGV[2] .. '.', 0
for i = 1, #KEYS do
  new = new + redis.call('ZADD', KEYS[i], 'NX', at, stem .. ARGV[i + 2])
end
return new
