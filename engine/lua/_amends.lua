-- The steps a subscription's transitions are made of, put before the scripts that make them (AMENDS in
-- engine/store.py). They are called with two keys more.
local subscription, invoices = KEYS[13], KEYS[14]

-- Pairs of field and value from ARGV[i] on, after their number; returns where the next part begins.
local function put(key, i)
  local n = tonumber(ARGV[i])
  for j = i + 1, i + n * 2, 2 do call('HSET', key, ARGV[j], ARGV[j + 1]) end
  return i + n * 2 + 1
end

-- Grant n credits of a month. What goes over the cap (0 = none) expires at once, counted from the balance there was when
-- the month began (-1 = now), and what of earlier months came in this same call.
local came_late = 0
local function grant_month(at, n, cap, balance, note)
  local before = balance >= 0 and balance + came_late or num(call('HGET', wallet, 'available'))
  local over = cap > 0 and math.min(n, math.max(0, before + n - cap)) or 0
  came_late = came_late + n - over
  call('HINCRBY', wallet, 'granted', int(n))
  call('HINCRBY', wallet, 'available', int(n))
  journal('grant', '', at, n, '', note)
  if over > 0 then
    move('available', 'expired', over)
    journal('expire', '', at, over, '', 'over the cap of ' .. int(cap))
  end
  call('HSET', account, 'full', call('HGET', wallet, 'available'), 'alerted', '')
end

-- Of what is available no more than there was then (-1: all of it).
local function expire_all(balance, note)
  local n = num(call('HGET', wallet, 'available'))
  if balance >= 0 then n = math.min(n, balance) end
  if n == 0 then return end
  move('available', 'expired', n)
  journal('expire', '', '', n, '', note)
end

-- Steps from ARGV[i] on, six words each: kind, where, n, cap, balance, note.
local function take_steps(i)
  for j = i, #ARGV, 6 do
    local kind, at, n, note = ARGV[j], ARGV[j + 1], tonumber(ARGV[j + 2]), ARGV[j + 5]
    if kind == 'grant' then
      grant_month(at, n, tonumber(ARGV[j + 3]), tonumber(ARGV[j + 4]), note)
    elseif kind == 'expire' then
      expire_all(tonumber(ARGV[j + 4]), note)
    else
      journal(kind, '', at, n, '', note)
    end
  end
end
