-- place_addresses: note which profiles are about to be put with which address, and learn what its owner wishes.
-- Before → after: the id stands once under the address' digest, so that whatever the owner wishes from now on finds the
--                 profile; not where the address was erased, nor where it has too many profiles already.
-- KEYS: wishes, addresses (of the shard of the addresses); one more on a cluster, which is not looked at.
-- ARGV: now_ms, most ids an address may have, digests joined, an id for each joined by newlines.
-- Returns: for each what its owner wishes, joined by newlines: '' nothing, 'revision letter since_ms', or 'full'.
local most, digests, ids = tonumber(ARGV[2]), each_digest(ARGV[3]), lines(ARGV[4])
local wishes, listed = call('HMGET', KEYS[1], unpack(digests)), call('HMGET', KEYS[2], unpack(digests))
local told, after, put = {}, {}, {}
for i, digest in ipairs(digests) do
  local list = after[digest] or listed[i]
  told[i] = wishes[i] or ''
  if letter(wishes[i]) ~= 'e' and not string.find('\n' .. (list or '') .. '\n', '\n' .. ids[i] .. '\n', 1, true) then
    local _, breaks = string.gsub(list or '', '\n', '')
    if list and breaks + 1 >= most then
      told[i] = 'full'
    else
      after[digest] = list and list .. '\n' .. ids[i] or ids[i]
    end
  end
end
-- Nothing fails below.
for digest, list in pairs(after) do
  put[#put + 1] = digest
  put[#put + 1] = list
end
if #put > 0 then call('HSET', KEYS[2], unpack(put)) end
return { table.concat(told, '\n') }
