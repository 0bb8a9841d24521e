-- refund: close the InMails of a pack that nobody answered in time, and of other packs of the campaign that are due.
-- Before: letters S whose sent time + refund_after_ms has come. After: R; their credits move as the campaign's
--         rule says (unanswered → available), their contacts are free again. Log: refund, for each pack.
-- ARGV: now_ms, pack, how many recipients of other packs to go over at the most (15 packs), mark of the log seen.
-- Returns: {'ok', how many were closed, when the next of this pack falls due in ms (0 = none), now_ms, mark, '1' when
--          other packs are due still} | {'unknown'}.
-- Invariant: never before due; at most once (an R is no longer S).
-- A million may fall due at one moment: a few packs a call, and whoever comes first does it, so that those who come
-- later find it done.
local pack, budget = ARGV[2], tonumber(ARGV[3])
local names = { 'id', 'pack_size', 'recipients', 'refund_after_ms', 'due_moves_to' }
local found, c = call('HMGET', campaign, unpack(names)), {}
for i, name in ipairs(names) do c[name] = found[i] end
if not c.id then return { 'unknown' } end
-- Nothing fails below.
although_memory_is_full()
heed(ARGV[4])
local closed, next_due = close_pack(pack, c)
local others = math.min(math.floor(budget / num(c.pack_size)), 15)
if others > 0 then
  for _, other in ipairs(call('ZRANGEBYSCORE', due, '-inf', int(now), 'LIMIT', 0, others)) do
    if other ~= pack then closed = closed + close_pack(other, c) end
  end
end
local left = call('ZRANGEBYSCORE', due, '-inf', int(now), 'LIMIT', 0, 1)
return { 'ok', closed, int(next_due), int(now), mark(), #left > 0 and '1' or '0' }
