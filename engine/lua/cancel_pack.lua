-- cancel_pack: mark the unsent recipients of one pack of a cancelled campaign.
-- Before: cancelled, letters Q. After: K. Log: cancel_pack.
-- ARGV: now_ms, pack, first index, n.
-- Returns: {'ok', how many of the pack are marked now} (the same for a repeat) | {'not_cancelled'}.
local pack, first, n = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local c = call('HMGET', campaign, 'state', 'id')
if c[1] ~= 'cancelled' then return { 'not_cancelled' } end
local slice = call('GETRANGE', letters, int(first), int(first + n - 1))
local after, marked = string.gsub(slice, 'Q', 'K')
-- Nothing fails below.
although_memory_is_full()
call('ZREM', again, pack)
if marked > 0 then
  call('SETRANGE', letters, int(first), after)
  forget_digests(pack, after)
  count('queued', -marked)
  finish()
  journal('cancel_pack', c[2], pack, marked, moved('QK', marked), '')
end
local _, all = string.gsub(after, 'K', '')
return { 'ok', all }
