-- wish: note what the owner of an address wishes of the profiles that have it.
-- Before → after: the wish stands under the address' digest, with a higher revision than the one before; said again it
--                 is the same. Who is erased stays so; who never hid has nothing to show again.
-- KEYS: wishes, addresses (of the shard of the address); one more on a cluster, which is not looked at.
-- ARGV: now_ms, digest, letter: h (hide), s (show again), e (erase).
-- Returns: {the wish that stands now ('' none), ids that have or had the address, joined by newlines}.
local person, wanted = ARGV[2], ARGV[3]
local was = call('HGET', KEYS[1], person) or ''
local is = was
if letter(was) ~= wanted and letter(was) ~= 'e' and (wanted ~= 's' or was ~= '') then
  is = int(revision(was) + 1) .. ' ' .. wanted .. ' ' .. int(now)
  -- Nothing fails below. The first write frees memory, so Redis does not look at its limit: a wish goes through.
  call('HDEL', KEYS[1], '')
  call('HSET', KEYS[1], person, is)
end
return { is, call('HGET', KEYS[2], person) or '' }
