-- One credit from available to held, for one letter: nothing -> debited.
-- KEYS wallet, letters; ARGV letter's number. 1 debited, 0 the letter has had its credit, -1 no credit left.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'available') or '0') < 1 then return -1 end
redis.call('HINCRBY', KEYS[1], 'available', -1)
redis.call('HINCRBY', KEYS[1], 'held', 1)
redis.call('HSET', KEYS[2], ARGV[1], 'debited')
return 1
