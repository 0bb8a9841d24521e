-- What a claim counts and tells of, put before the script of that name only.

-- Count credits debited for a seat in this month, while it is one of the account's. What comes back goes to the
-- account's pool, not to the seat's cap.
local function use_seat(seat, n)
  if seat ~= '' and call('HEXISTS', account, 'seat:' .. seat) == 1 then
    call('HSET', account, 'used:' .. seat, (of_account()[6] or '') .. ' ' .. int(seat_used(seat) + n))
  end
end

-- Say once a month, of each step, that the balance fell under a part of what it was when the month's credits had come.
-- Returns the step in percent, or ''.
local function warn_of_low_balance()
  local a = of_account()
  local full, told = num(a[7]), tonumber(a[8] or '') or 100
  if full == 0 then return '' end
  local available, low = num(call('HGET', wallet, 'available')), 100
  if available == 0 then low = 0
  elseif available * 100 < full * 5 then low = 5
  elseif available * 100 < full * 20 then low = 20 end
  if low >= told then return '' end
  call('HSET', account, 'alerted', low)
  journal('low', '', '', low, '', int(available) .. ' of ' .. int(full) .. ' credits left')
  return int(low)
end
