-- tidy: forget the contacts of packs that are closed, a few packs a call.
-- Before: `stale` names packs nothing of which is open or queued any more, and who they were written to. After: what
--         still stands for them in `open` is gone; a contact another InMail has taken over since stays.
-- ARGV: now_ms, most packs, and after how many recipients to end.
-- Returns: {'ok', how many packs are left}. Nothing depends on it but memory: no claim heeds such a contact.
-- Nothing fails below.
local budget = tonumber(ARGV[3])
for _ = 1, tonumber(ARGV[2]) do
  local entry = call('LPOP', stale)
  if not entry then break end
  local ref = string.match(entry, '^%S+')
  local people = cut(string.sub(entry, #ref + 2))
  local contacts, gone = call('HMGET', open, unpack(people)), {}
  for i, person in ipairs(people) do
    if contacts[i] == ref then gone[#gone + 1] = person end
  end
  if #gone > 0 then call('HDEL', open, unpack(gone)) end
  budget = budget - #people
  if budget <= 0 then break end
end
return { 'ok', call('LLEN', stale) }
