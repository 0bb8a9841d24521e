-- hide_profiles: do in one shard what the owner of an address wishes: hide, show again or erase the profiles of it.
-- Before → after: the wish stands in this shard too, so that no profile of the address is put against it; each profile
--                 of the address is hidden, not hidden any more, or gone for good (then its id is kept, and refused).
-- KEYS: profiles, wishes, hidden, erased, changes, directory (of the shard); one more on a cluster, not looked at.
-- ARGV: now_ms, ids the change log keeps, digest of the address, the wish, then for each id that may have it: id, what
--       stood there when it was read ('' nothing), '1' where that has the address.
-- Returns: {'ok', how many changed, ids that stand otherwise by now joined by newlines: read them again and repeat}
--          | {'late'} the owner has said something else since. Done twice is done once.
local wish, own = ARGV[4], call('HGET', KEYS[2], ARGV[3]) or ''
if revision(own) > revision(wish) then return { 'late' } end
local kind, since, noted, again = letter(wish), string.match(wish, '%d+$'), {}, {}
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit: a wish goes through.
call('HDEL', KEYS[2], '')
if own ~= wish then call('HSET', KEYS[2], ARGV[3], wish) end
for i = 5, #ARGV, 3 do
  local id, did = ARGV[i], 0
  if (call('HGET', KEYS[1], id) or '') ~= ARGV[i + 1] then
    again[#again + 1] = id
  elseif ARGV[i + 2] ~= '1' then
    did = 0
  elseif kind == 'h' then
    did = call('HSETNX', KEYS[3], id, since)
  elseif kind == 's' then
    did = call('HDEL', KEYS[3], id)
  else
    did = call('HDEL', KEYS[1], id)
    call('HDEL', KEYS[3], id)
    call('HSET', KEYS[4], id, since)
  end
  if did == 1 then noted[#noted + 1] = id end
end
note(KEYS[5], KEYS[6], tonumber(ARGV[2]), noted)
return { 'ok', #noted, table.concat(again, '\n') }
