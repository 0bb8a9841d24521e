-- refund: close the InMails of a pack that nobody answered in time.
-- Before: letters S whose sent time + refund_after_ms has come. After: R; their credits move as the campaign's
--         rule says (unanswered → available), their contacts are free again. Log: refund.
-- ARGV: now_ms, pack, first index, addresses of the pack joined by newlines, mark of the log seen.
-- Returns: {'ok', how many were closed, when the next of this pack falls due in ms (0 = none), now_ms, mark}
--          | {'unknown'}.
-- Invariant: never before due; at most once (an R is no longer S).
local pack, first, addresses = ARGV[2], tonumber(ARGV[3]), lines(ARGV[4])
local c = call('HMGET', campaign, 'state', 'id', 'refund_after_ms', 'due_moves_to')
if not c[1] then return { 'unknown' } end
local n, window = #addresses, num(c[3])
local slice = call('GETRANGE', letters, int(first), int(first + n - 1))
local times = call('GETRANGE', sent, int(first * 6), int((first + n) * 6 - 1))
-- Nothing fails below.
although_memory_is_full()
heed(ARGV[5])
local after, gone, next_due = {}, {}, 0
local last_text, last_due = '', 0
for i = 1, n do
  local letter = string.sub(slice, i, i)
  if letter == 'S' then
    local text = string.sub(times, i * 6 - 5, i * 6)
    if text ~= last_text then last_text, last_due = text, unstamp(text) + window end
    if last_due <= now then
      letter = 'R'
      gone[#gone + 1] = addresses[i]
    elseif next_due == 0 or last_due < next_due then
      next_due = last_due
    end
  end
  after[i] = letter
end
local closed = #gone
if closed > 0 then
  call('SETRANGE', letters, int(first), table.concat(after))
  call('HDEL', open, unpack(gone))
  move('held', c[4], closed)
  count('sent', -closed)
end
if next_due > 0 then call('ZADD', due, int(next_due), pack) else call('ZREM', due, pack) end
if closed > 0 then journal('refund', c[2], pack, closed, moved('SR', closed), finish()) end
return { 'ok', closed, int(next_due), int(now), mark() }
