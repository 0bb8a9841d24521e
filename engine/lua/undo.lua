-- undo: take back an answer, as if it had not been given.
-- Before: A or D (or L), answered no longer ago than undo_ms, nothing said since. After: S, its credit held and its
--         contact open again, due as ever (or R). Out of the sender's folders. A campaign that was closed is sent again.
--         Log: undo.
-- ARGV: now_ms, index, digest of the address, undo_ms, 'theirs' where the InMail's row says so, else ''.
-- Returns: {'ok', letter, when it falls due in ms (0 = it did already)} (the same where there is no answer: it is
--          taken back already) | {'unknown'} | {'theirs?'} as reply | {'over'} undo_ms have passed | {'in_conversation'}
--          somebody has written since | {'written_again'} the address has another open InMail of the account by now
--          | {'closed'} all of its pack fell due meanwhile, or the credit its answer gave back is used.
-- Invariant: held = letters C and S = open contacts, as ever.
local index, person = tonumber(ARGV[2]), ARGV[3]
local names = { 'state', 'id', 'answer_moves_to', 'pack_size', 'recipients', 'refund_after_ms' }
local c = call('HMGET', campaign, unpack(names))
if not c[1] or index >= num(c[5]) then return { 'unknown' } end
local position = index % num(c[4])
local pack = int((index - position) / num(c[4]))
local joined = call('HGET', digests, pack)
if not joined and ARGV[5] == '' then return { 'theirs?' } end
if joined and string.sub(joined, position * 12 + 1, position * 12 + 12) ~= person then return { 'unknown' } end
if call('SISMEMBER', erased, int(index)) == 1 then return { 'unknown' } end
local letter = call('GETRANGE', letters, int(index), int(index))
local known = call('HGET', replies, int(index))
local due_ms = unstamp(call('GETRANGE', sent, int(index * 6), int(index * 6 + 5))) + num(c[6])
if not known then
  if letter ~= 'S' and letter ~= 'R' then return { 'unknown' } end
  return { 'ok', letter, letter == 'S' and int(due_ms) or '0' }
end
if num(string.match(known, '^%d+')) + tonumber(ARGV[4]) < now then return { 'over' } end
if call('EXISTS', thread) == 1 then return { 'in_conversation' } end
local before = 'R'
if letter ~= 'L' then
  if not joined or num(call('HGET', wallet, c[3])) < 1 then return { 'closed' } end
  local other = call('HGET', open, person)
  if other and holds(other) then return { 'written_again' } end
  before = 'S'
end
-- Nothing fails below.
although_memory_is_full()
call('SETRANGE', letters, int(index), before)
call('HDEL', replies, int(index))
call('ZREM', folders[letter], ref_of(c[2], index))
call('HDEL', unread, ref_of(c[2], index))
local note = ''
if before == 'S' then
  local number = string.match(c[2], '%d+$')
  call('HSET', open, person, number .. '.' .. pack)
  move(c[3], 'held', 1)
  count('sent', 1)
  local standing = call('ZSCORE', due, pack)
  if not standing or num(standing) > due_ms then call('ZADD', due, int(due_ms), pack) end
  call('ZADD', active, number, c[2])
  if c[1] == 'closed' then
    note = 'sent'
    call('HSET', campaign, 'state', note)
  end
end
journal('undo', c[2], int(index), 1, moved(letter .. before, 1), note)
return { 'ok', before, before == 'S' and int(due_ms) or '0' }
