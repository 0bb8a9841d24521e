-- prelude_suspects: which messages may be what kills processes, put before every script like the names of the keys.
-- What outlived two processes is a suspect. No process holds two of them, of whichever queues: in the end the one
-- that kills is buried, and not whatever happened to be fetched along with it.
local function is_suspect(queue, id, limit)
  return tonumber(redis.call('HGET', lost(queue), id) or '0') >= math.max(1, math.min(2, limit))
end

local function holds_suspect(worker, limit)
  for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
    if redis.call('EXISTS', lost(queue)) == 1 then
      for _, id in ipairs(redis.call('SMEMBERS', held(worker, queue))) do
        if is_suspect(queue, id, limit) then return true end
      end
    end
  end
  return false
end

-- Of the ids taken from a queue, those the worker may hold; the others go back to the tail and hold up nothing.
local function at_most_one_suspect(ids, queue, worker, limit)
  if redis.call('EXISTS', lost(queue)) == 0 then return ids end
  local kept, has_one = {}, nil
  for _, id in ipairs(ids) do
    local suspect = is_suspect(queue, id, limit)
    if suspect and has_one == nil then has_one = holds_suspect(worker, limit) end
    if suspect and has_one then
      redis.call('RPUSH', ready(queue), id)
    else
      kept[#kept + 1] = id
      if suspect then has_one = true end
    end
  end
  return kept
end
