-- Put before the standalone scripts that need the time: ARGV[1] in epoch ms, '0' meaning Redis' own TIME.
local call, now = redis.call, tonumber(ARGV[1])
if now == 0 then
  local t = call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local function int(n) return string.format('%.0f', n) end

