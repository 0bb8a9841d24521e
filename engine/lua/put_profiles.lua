-- put_profiles: put profiles of one shard into the directory, or change those there.
-- Before → after: each profile stands under its id as given, with the time; where it did already nothing changes. Not
--                 those whose candidate had them erased, by id or by address: looked at here, so that a batch under
--                 way brings nobody back. Hidden is whose address wishes so; without an address it stays as it was.
-- KEYS: profiles, wishes, hidden, erased, changes, directory (of the shard); one more on a cluster, not looked at.
-- ARGV: now_ms, ids the change log keeps, ids joined by newlines, digests of their addresses joined (zeros: none), what
--       place_addresses said the owner of each wishes joined by newlines, then each profile, packed.
-- Returns: {new, changed, same, ids of the erased joined by newlines}. Put twice is put once, with one entry of the log.
local ids, digests, told = lines(ARGV[3]), each_digest(ARGV[4]), lines(ARGV[5])
local had, gone = call('HMGET', KEYS[1], unpack(ids)), call('HMGET', KEYS[4], unpack(ids))
local wishes, at = call('HMGET', KEYS[2], unpack(digests)), stamp(now)
local away = call('EXISTS', KEYS[3]) == 1 and call('HMGET', KEYS[3], unpack(ids)) or {}
local none, new, changed, same = string.rep('\0', 12), 0, 0, 0
local refused, noted, put, heard, hide, show = {}, {}, {}, {}, {}, {}
for i, id in ipairs(ids) do
  local wish, profile = wishes[i] or '', ARGV[i + 5]
  if revision(told[i]) > revision(wish) then
    wish = told[i]
    heard[#heard + 1] = digests[i]
    heard[#heard + 1] = wish
  end
  if gone[i] or letter(wish) == 'e' then
    refused[#refused + 1] = id
  else
    local hides = letter(wish) == 'h' and not away[i]
    local shows = letter(wish) ~= 'h' and away[i] and digests[i] ~= none
    if hides then
      hide[#hide + 1] = id
      hide[#hide + 1] = string.match(wish, '%d+$')
    elseif shows then
      show[#show + 1] = id
    end
    local differs = not had[i] or string.sub(had[i], 7) ~= profile
    if differs then
      put[#put + 1] = id
      put[#put + 1] = at .. profile
    end
    if differs or hides or shows then noted[#noted + 1] = id end
    if not had[i] then new = new + 1 elseif differs then changed = changed + 1 else same = same + 1 end
  end
end
-- Nothing fails below.
if #heard > 0 then call('HSET', KEYS[2], unpack(heard)) end
if #hide > 0 then call('HSET', KEYS[3], unpack(hide)) end
if #show > 0 then call('HDEL', KEYS[3], unpack(show)) end
if #put > 0 then call('HSET', KEYS[1], unpack(put)) end
note(KEYS[5], KEYS[6], tonumber(ARGV[2]), noted)
return { new, changed, same, table.concat(refused, '\n') }
