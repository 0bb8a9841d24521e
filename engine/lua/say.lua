-- say: one more message of a conversation, from either side. Costs nothing: the answer decided the credit.
-- Before: A, D or L. After: the same; the message stands last in the thread, and the InMail at the head of its sender's
--         folder, unread where the candidate wrote. Log: message.
-- ARGV: now_ms, index, side ('sender' or 'candidate'), digest of the candidate's address ('' for the sender), text,
--       operation id and what says that it is this message, most messages of one conversation, 'theirs' where the InMail's row says so, else ''.
-- Returns: {'ok', when it was said} (the same for a repeat) | {'unknown'} | {'theirs?'} as reply | {'not_answered'} only
--          an answer opens the conversation | {'erased'} the recipient had everything erased | {'conflict'} the operation id said something else | {'too_many'}.
local index, side, text, op, fingerprint = tonumber(ARGV[2]), ARGV[3], ARGV[5], ARGV[6], ARGV[7]
local c = call('HMGET', campaign, 'state', 'id', 'pack_size', 'recipients')
if not c[1] or index >= num(c[4]) then return { 'unknown' } end
if side == 'candidate' then
  local position = index % num(c[3])
  local joined = call('HGET', digests, int((index - position) / num(c[3])))
  if not joined and ARGV[9] == '' then return { 'theirs?' } end
  if joined and string.sub(joined, position * 12 + 1, position * 12 + 12) ~= ARGV[4] then return { 'unknown' } end
end
if call('SISMEMBER', erased, int(index)) == 1 then return { side == 'sender' and 'erased' or 'unknown' } end
local letter = call('GETRANGE', letters, int(index), int(index))
if not folders[letter] then return { string.find(letter, '[CSR]') and 'not_answered' or 'unknown' } end
local known = call('HGET', ops, op)
if known then
  local at, what = string.match(known, '^(%d+) (.*)$')
  if what ~= fingerprint then return { 'conflict' } end
  return { 'ok', at }
end
if call('LLEN', thread) >= tonumber(ARGV[8]) then return { 'too_many' } end
-- Nothing fails below.
call('RPUSH', thread, int(now) .. ' ' .. side .. ' ' .. text)
remember(op, int(now) .. ' ' .. fingerprint)
into_folder(letter, c[2], index, side == 'candidate')
journal('message', c[2], int(index), 1, '', side)
return { 'ok', int(now) }
