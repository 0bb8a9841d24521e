-- suppress: note that an account must not write to an address, or that it may again; and who said so.
-- Before → after: in `suppressed`, 'who address' under the address' digest, who being 'a' (the account), 'c' (the
--                 candidate) or 'ac'; nothing where neither says so any more. What the candidate said only they take back.
-- ARGV: now_ms, digest of the address, address, 'a' or 'c', '1' = must not | '0' = may again.
-- Returns: {'ok', '1' when that changed something} | {'unknown'} no such account | {'theirs'} the candidate said so.
local person, who = ARGV[2], ARGV[4]
if call('EXISTS', account) == 0 then return { 'unknown' } end
local said, address = string.match(call('HGET', suppressed, person) or ' ' .. ARGV[3], '^(%a*) (.*)$')
if ARGV[5] == '0' and who == 'a' and string.find(said, 'c', 1, true) then return { 'theirs' } end
local stands = string.find(said, who, 1, true) ~= nil
if stands == (ARGV[5] == '1') then return { 'ok', '0' } end
-- Nothing fails below.
if who == 'c' then although_memory_is_full() end
local after = ARGV[5] == '1' and (said == '' and who or 'ac') or string.gsub(said, who, '')
if after == '' then call('HDEL', suppressed, person) else call('HSET', suppressed, person, after .. ' ' .. address) end
return { 'ok', '1' }
