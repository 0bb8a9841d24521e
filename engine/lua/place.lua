-- place: where an InMail's row is. Changes nothing.
-- ARGV: now_ms, index.
-- Returns: {'ok', pack, position in it, names of the columns (JSON), the pack's rows} | {'unknown'} no such campaign or
--          recipient, or its rows are lost.
local index = tonumber(ARGV[2])
local c = call('HMGET', campaign, 'state', 'pack_size', 'recipients', 'columns')
if not c[1] or index >= num(c[3]) then return { 'unknown' } end
local size = num(c[2])
local pack = int(math.floor(index / size))
local blob = call('HGET', rows, pack)
if not blob then return { 'unknown' } end
-- Nothing fails below.
return { 'ok', pack, int(index % size), c[4], blob }
