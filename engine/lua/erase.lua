-- erase: put the rows of a pack without one recipient's fields in the place of those with them, and forget what that
-- recipient said. Letters, credits and times stay.
-- Before: the rows as they were read. After: the new ones; the answer's words and the thread are gone, and nothing more
--         is said there (`erased`). A suppression stays without the address.
--         Its digest stays where the InMail is open still. Log: erase.
-- ARGV: now_ms, index, pack, the rows as they were read, the rows after, digest of the address.
-- Returns: {'ok'} | {'changed'} the rows are others by now | {'unknown'}.
local index, pack = tonumber(ARGV[2]), ARGV[3]
local id = call('HGET', campaign, 'id')
local blob = call('HGET', rows, pack)
if not id or not blob then return { 'unknown' } end
if blob ~= ARGV[4] then return { 'changed' } end
-- Nothing fails below.
although_memory_is_full()
call('HSET', rows, pack, ARGV[5])
local known = call('HGET', replies, int(index))
if known then call('HSET', replies, int(index), string.match(known, '^[^\n]*') .. '\n') end
call('SADD', erased, int(index))
if call('DEL', thread) == 1 then call('HDEL', unread, ref_of(id, index)) end
local stopped = call('HGET', suppressed, ARGV[6])
if stopped then call('HSET', suppressed, ARGV[6], string.match(stopped, '^%a*') .. ' erased') end
journal('erase', id, int(index), 1, '', '')
return { 'ok' }
