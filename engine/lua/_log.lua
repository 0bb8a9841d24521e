-- Second part of the beginning of every script: the account's log, its chain, and the notice that it went back.

-- The chain number of a log entry: made of the one before and of all the entry says, so that two logs that
-- once parted are told apart by any later entry. Below 2^45, so that every step stays exact.
local function link(chain, text)
  for i = 1, #text, 4 do
    local a, b, c, d = string.byte(text, i, i + 3)
    chain = (chain * 131 + ((a * 256 + (b or 0)) * 256 + (c or 0)) * 256 + (d or 0)) % 35184372088777
  end
  return chain
end

-- What of the account and of its log's end every part of a transition asks for, read once: how often an operator
-- accepted a log that had gone back, why the account is stopped, its contacts, whether it may send and until when,
-- the month it is in, what it had then, the lowest alert since; number and chain of the last entry.
local read_before, ending
local function of_account()
  read_before = read_before or call('HMGET', account, 'history', 'stopped', 'simultaneous_contacts', 'can_send',
    'sends_until_ms', 'month', 'full', 'alerted')
  return read_before
end

local function log_end()
  ending = ending or call('HMGET', wallet, 'seq', 'chain')
  return ending
end

-- Append the one log entry of a transition. Its id is the account's next dense sequence number; it carries
-- the letters that moved ('QC500 QP3') and the wallet after (available,held,spent,granted,expired).
local function journal(kind, of, at, n, moves, note)
  local w = call('HMGET', wallet, 'available', 'held', 'spent', 'granted', 'expired', 'seq', 'chain')
  local after = table.concat(w, ',', 1, 5)
  local seq = int(num(w[6]) + 1)
  local entry = { seq, kind, of, at, int(n), moves, after, int(now), note }
  local chain = int(link(num(w[7]), table.concat(entry, '|')))
  call('HSET', wallet, 'seq', seq, 'chain', chain)
  ending = { seq, chain }
  call('XADD', log, seq .. '-0', 'kind', kind, 'campaign', of, 'at', at, 'n', int(n),
    'moves', moves, 'wallet', after, 'at_ms', int(now), 'note', note, 'chain', chain)
  return seq
end

-- How far the log has come, for a process to remember: 'history seq chain'.
local function mark()
  local w = log_end()
  return (of_account()[1] or '0') .. ' ' .. (w[1] or '0') .. ' ' .. (w[2] or '0')
end

-- Compare the log with a mark seen earlier ('' = none). Where the log has gone back behind it (a failover, a lost
-- tail of the append-only file), sending stops for the account: credits may be spent twice otherwise.
local function heed(seen)
  local history, seq, chain = string.match(seen, '^(%d+) (%d+) (%d+)$')
  if not history then return end
  local a = of_account()
  if (a[2] or '') ~= '' or num(history) < num(a[1]) then return end
  local w = log_end()
  if seq == w[1] and chain == w[2] and num(history) == num(a[1]) then return end
  local at = num(w[1])
  local reason
  if num(history) > num(a[1]) or num(seq) > at then
    reason = 'log entry ' .. seq .. ' was seen, the log ends at ' .. int(at)
  else
    local entry = call('XRANGE', log, seq .. '-0', seq .. '-0')[1]
    for i = 1, entry and #entry[2] or 0, 2 do
      if entry[2][i] == 'chain' and entry[2][i + 1] ~= chain then
        reason = 'log entry ' .. seq .. ' is not the one that was seen'
      end
    end
  end
  if reason then
    call('HSET', account, 'stopped', reason)
    a[2] = reason
    journal('stop', '', '', 0, '', reason)
  end
end
