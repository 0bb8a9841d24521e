-- The held credit of one unanswered letter back to available: sent -> refunded.
-- KEYS wallet, letters; ARGV letter's number. 1 refunded, 0 it is not (or no longer) sent and unanswered.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= 'sent' then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], 'refunded')
redis.call('HINCRBY', KEYS[1], 'held', -1)
redis.call('HINCRBY', KEYS[1], 'available', 1)
redis.call('HINCRBY', KEYS[1], 'refunded', 1)
return 1
