-- prelude: the names of all keys, the clock and the wake-up, put before every script.
-- KEYS[1] is always the namespace; every key begins with it, so a tagged one ('{dramatiq}') keeps them in one slot.
-- KEYS[2] never exists: for it a cluster refuses the script while that slot is being moved.
--   ns:<queue>            list  ids ready to run, head first
--   ns:<queue>.msgs       hash  id -> body, of everything ready, delayed or running
--   ns:<queue>.DQ         zset  id -> due_ms
--   ns:<queue>.XQ         zset  id -> ms at which it died;  .XQ.msgs id -> body;  .XQ.errors id -> error (JSON)
--   ns:<queue>.lost       hash  id -> how many processes died while running it
--   ns:<queue>.wake       list  at most one token: a sleeping consumer blocks on it
--   ns:__acks__.<worker>.<queue>  set   ids a worker process holds: fetched, not yet acknowledged
--   ns:__heartbeats__     zset  worker -> ms of its last beat
--   ns:__queues__         set   every queue ever used;  ns:__paused__  set  the paused ones
--   ns:__reaper__         hash  tick, since: the reaper's last call and the start of its steady run, ms
--   ns:__sent__.<sender>  text  the last enqueue request of one sending thread, kept for two minutes
-- Times are milliseconds since the epoch by this server's clock. Nothing is scanned; every loop is bounded.
local ns = KEYS[1]
local HEARTBEATS, QUEUES, PAUSED = ns .. ':__heartbeats__', ns .. ':__queues__', ns .. ':__paused__'
local REAPER = ns .. ':__reaper__'
local function ready(queue) return ns .. ':' .. queue end
local function bodies(queue) return ns .. ':' .. queue .. '.msgs' end
local function delayed(queue) return ns .. ':' .. queue .. '.DQ' end
local function dead(queue) return ns .. ':' .. queue .. '.XQ' end
local function dead_bodies(queue) return ns .. ':' .. queue .. '.XQ.msgs' end
local function dead_errors(queue) return ns .. ':' .. queue .. '.XQ.errors' end
local function lost(queue) return ns .. ':' .. queue .. '.lost' end
local function wake_list(queue) return ns .. ':' .. queue .. '.wake' end
local function held(worker, queue) return ns .. ':__acks__.' .. worker .. '.' .. queue end

-- A Lua number joined into text loses digits (1.7e+12): whole numbers are always written with this.
local function whole(number) return string.format('%.0f', number) end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function wake(queue)
  if redis.call('LLEN', wake_list(queue)) == 0 then redis.call('RPUSH', wake_list(queue), '1') end
end

-- Keeps a message that will not run again, with what went wrong, until someone decides.
local function bury(queue, id, error_json)
  local body = redis.call('HGET', bodies(queue), id)
  redis.call('HDEL', lost(queue), id)
  if not body then return 0 end
  redis.call('HDEL', bodies(queue), id)
  redis.call('ZADD', dead(queue), whole(now_ms()), id)
  redis.call('HSET', dead_bodies(queue), id, body)
  redis.call('HSET', dead_errors(queue), id, error_json)
  return 1
end
