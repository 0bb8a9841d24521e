-- remove_profiles: take profiles of one shard out of the directory, for the host; they may be put again.
-- KEYS: profiles, wishes, hidden, erased, changes, directory (of the shard); one more on a cluster, not looked at.
-- ARGV: now_ms, ids the change log keeps, ids joined by newlines.
-- Returns: {how many were there}; 0 for a repeat. Whoever is hidden is so again when put again.
local ids, found = lines(ARGV[3]), {}
for i, had in ipairs(call('HMGET', KEYS[1], unpack(ids))) do
  if had then found[#found + 1] = ids[i] end
end
-- Nothing fails below. The first write frees memory, so Redis does not look at its limit: full memory is made room in.
if #found > 0 then call('HDEL', KEYS[1], unpack(found)) end
note(KEYS[5], KEYS[6], tonumber(ARGV[2]), found)
return { #found }
