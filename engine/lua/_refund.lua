-- The refund of one pack, put before the script of that name only.

-- Of the letters S in a slice, which were sent so long ago that they fall due by now.
-- Returns: the letters after, the digests of those closed, when the next of the slice falls due in ms (0 = none).
local function close_each(slice, times, people, window)
  local after, gone, next_due = {}, {}, 0
  local last_text, last_due = '', 0
  for i = 1, #slice do
    local letter = string.sub(slice, i, i)
    if letter == 'S' then
      local text = string.sub(times, i * 6 - 5, i * 6)
      if text ~= last_text then last_text, last_due = text, unstamp(text) + window end
      if last_due <= now then
        letter = 'R'
        gone[#gone + 1] = people[i]
      elseif next_due == 0 or last_due < next_due then
        next_due = last_due
      end
    end
    after[i] = letter
  end
  return table.concat(after), gone, next_due
end

-- Close what is due of one pack. Returns: how many were closed, when its next falls due (0 = none).
local function close_pack(pack, c)
  local size = num(c.pack_size)
  local first = tonumber(pack) * size
  local n = math.min(size, num(c.recipients) - first)
  local slice = call('GETRANGE', letters, int(first), int(first + n - 1))
  local times = call('GETRANGE', sent, int(first * 6), int((first + n) * 6 - 1))
  local joined = call('HGET', digests, pack) or ''
  local after, gone, next_due = '', {}, 0
  -- Most packs went out whole and at one moment.
  if slice == string.rep('S', n) and times == string.rep(string.sub(times, 1, 6), n)
    and unstamp(string.sub(times, 1, 6)) + num(c.refund_after_ms) <= now then
    after = string.rep('R', n)
  else
    after, gone, next_due = close_each(slice, times, cut(joined), num(c.refund_after_ms))
  end
  local closed = tally(after, 'R') - tally(slice, 'R')
  if closed > 0 then
    call('SETRANGE', letters, int(first), after)
    if string.find(after, '[CSQ]') then
      if #gone > 0 then call('HDEL', open, unpack(gone)) end
    else
      -- Nothing of it will be open again: its contacts count no more once its digests are gone, and are forgotten
      -- later (tidy). That is what makes a million refunds at one moment quick.
      call('RPUSH', stale, string.match(c.id, '%d+$') .. '.' .. pack .. ' ' .. joined)
    end
    move('held', c.due_moves_to, closed)
    count('sent', -closed)
  end
  if next_due > 0 then call('ZADD', due, int(next_due), pack) else call('ZREM', due, pack) end
  forget_digests(pack, after)
  if closed > 0 then journal('refund', c.id, pack, closed, moved('SR', closed), finish()) end
  return closed, next_due
end
