-- reply: record a recipient's answer to one InMail.
-- Before: C or S (open), or R (refunded). After: A (accept) or D (decline, not now), the credit moved as the campaign's
--         rule says (unanswered → spent) and the contact free again; or L, no credit moved. The InMail stands in its
--         sender's folder of that letter, unread. Log: reply.
-- ARGV: now_ms, index, digest of the address, answer ('A', 'D', or 'N' for not now), text, reason of a D or date of an N,
--       what is known: 'theirs' (the InMail's row says so), 'in_mailbox' (it lies there, and is theirs) or ''.
-- Returns: {'ok', letter, how many campaigns of the account have something to send, now_ms, when it was answered} (the
--          same for a repeat) | {'answered', letter} another answer was given first | {'unknown'} no such InMail was
--          delivered | {'theirs?'} its pack is closed: only the row knows whose it is
--          | {'in_mailbox?'} only the mailbox knows whether it was delivered.
-- Invariant: reply and refund meet on one letter; whoever comes first wins, once.
local index, person, answer = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local said = answer .. ' ' .. ARGV[6] .. '\n' .. ARGV[5]
local c = call('HMGET', campaign, 'state', 'id', 'answer_moves_to', 'pack_size', 'recipients')
if not c[1] or index >= num(c[5]) then return { 'unknown' } end
local position = index % num(c[4])
local joined = call('HGET', digests, int((index - position) / num(c[4])))
if not joined and ARGV[7] == '' then return { 'theirs?' } end
if joined and string.sub(joined, position * 12 + 1, position * 12 + 12) ~= person then return { 'unknown' } end
if call('SISMEMBER', erased, int(index)) == 1 then return { 'unknown' } end
local letter = call('GETRANGE', letters, int(index), int(index))
local known = call('HGET', replies, int(index))
if known then
  local at, what = string.match(known, '^(%d+) (.*)$')
  return { what == said and 'ok' or 'answered', letter, call('ZCARD', sending), int(now), at }
end
if letter ~= 'C' and letter ~= 'S' and letter ~= 'R' then return { 'unknown' } end
if letter == 'C' and ARGV[7] ~= 'in_mailbox' then return { 'in_mailbox?' } end
-- Nothing fails below.
although_memory_is_full()
local after = letter == 'R' and 'L' or (answer == 'A' and 'A' or 'D')
call('SETRANGE', letters, int(index), after)
call('HSET', replies, int(index), int(now) .. ' ' .. said)
into_folder(after, c[2], index, true)
local note = ''
if letter ~= 'R' then
  call('HDEL', open, person)
  move('held', c[3], 1)
  -- Answered while the worker was still settling: it was delivered, so it has a delivery time.
  if letter == 'C' then call('SETRANGE', sent, int(index * 6), stamp(now)) end
  count(letter == 'C' and 'claimed' or 'sent', -1)
  note = finish()
end
journal('reply', c[2], int(index), 1, moved(letter .. after, 1), note)
return { 'ok', after, call('ZCARD', sending), int(now), int(now) }
