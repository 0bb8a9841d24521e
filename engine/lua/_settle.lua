-- The slow path of settle, put before the script of that name only.

-- Settle a pack whose recipients did not all fare alike: C → S where the outcome is S (with the delivery time),
-- C → F where it is F (contact free again, the reason kept), C → O where it is O (contact free again); whatever else
-- stands there stays. Returns: the letters after, how many came to S, to F, to O.
local function settle_each(slice, outcomes, pack, first, reasons)
  local people, at = call('HGET', digests, pack) or '', stamp(now)
  local after, delivered, returned, failed, opted_out, run = {}, 0, 0, 0, 0, 0
  local function write_run(stop)
    if run > 0 then call('SETRANGE', sent, int((first + stop - run) * 6), string.rep(at, run)) end
    run = 0
  end
  for i = 1, #outcomes do
    local letter, outcome = string.sub(slice, i, i), string.sub(outcomes, i, i)
    local fresh = letter == 'C' and outcome == 'S'
    if fresh then
      letter, delivered = 'S', delivered + 1
    elseif outcome == 'F' then
      -- The n-th F of the outcomes has the n-th reason, whether or not it still stands at C.
      failed = failed + 1
      if letter == 'C' then
        letter, returned = 'F', returned + 1
        call('HDEL', open, string.sub(people, i * 12 - 11, i * 12))
        call('HSET', failures, int(first + i - 1), reasons[failed] or 'undeliverable')
      end
    elseif outcome == 'O' and letter == 'C' then
      letter, opted_out = 'O', opted_out + 1
      call('HDEL', open, string.sub(people, i * 12 - 11, i * 12))
    end
    if fresh then run = run + 1 else write_run(i - 1) end
    after[i] = letter
  end
  write_run(#outcomes)
  return table.concat(after), delivered, returned, opted_out
end
