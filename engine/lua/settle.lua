-- settle: record what became of a pack's claimed recipients.
-- Before: letters C, leased to this token. After: S with the delivery time and a due time, or F or O with the credit
--         returned; an answer that came meanwhile (A, D) stays. The lease is over. Log: settle.
-- ARGV: now_ms, token, pack, first index, outcomes (one letter S, F or O per recipient of the pack, anything
--       else for those not delivered to), reasons of the failed joined by newlines, mark of the log seen.
-- Returns: {'ok', due_ms of the pack (0 = none), packs in flight, now_ms, mark, queued,
--          refund_after_ms} (the same for a repeat) | {'stale'}
--          another token holds the pack by now: nothing was changed | {'unknown'}.
-- Invariant: every S has a sent time and its pack a due time no later than sent + refund_after_ms.
local token, pack, first, outcomes = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local c = call('HMGET', campaign, 'state', 'id', 'refund_after_ms')
if not c[1] then return { 'unknown' } end
local n = #outcomes
local slice = call('GETRANGE', letters, int(first), int(first + n - 1))
although_memory_is_full()
heed(ARGV[7])
if call('HGET', tokens, pack) ~= token then
  if string.find(slice, 'C', 1, true) then return { 'stale' } end
  return { 'ok', call('ZSCORE', due, pack) or '0', call('ZCARD', leases), int(now), mark(), call('HGET', campaign, 'queued'), c[3] }
end
-- Nothing fails below.
local result, delivered, returned, opted_out = string.rep('S', n), n, 0, 0
if string.find(slice, '[^C]') or outcomes ~= result then
  result, delivered, returned, opted_out = settle_each(slice, outcomes, pack, first, lines(ARGV[6]))
else
  call('SETRANGE', sent, int(first * 6), string.rep(stamp(now), n))
end
if result ~= slice then call('SETRANGE', letters, int(first), result) end
move('held', 'available', returned + opted_out)
count('claimed', -delivered - returned - opted_out)
count('sent', delivered)
local due_ms = tonumber(call('ZSCORE', due, pack) or '0')
if delivered > 0 and (due_ms == 0 or now + num(c[3]) < due_ms) then
  due_ms = now + num(c[3])
  call('ZADD', due, int(due_ms), pack)
end
if not string.find(result, 'C', 1, true) then
  call('ZREM', leases, pack)
  call('HDEL', tokens, pack)
  forget_digests(pack, result)
end
if string.find(result, 'Q', 1, true) and c[1] ~= 'cancelled' then call('ZADD', again, pack, pack) end
local note = finish()
if delivered + returned + opted_out > 0 then
  journal('settle', c[2], pack, delivered, moved('CS', delivered, 'CF', returned, 'CO', opted_out), note)
end
return { 'ok', int(due_ms), call('ZCARD', leases), int(now), mark(), call('HGET', campaign, 'queued'), c[3] }
