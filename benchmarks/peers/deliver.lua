-- The letter into the recipient's inbox: debited -> sent.
-- KEYS wallet, letters, inbox; ARGV letter's number, its key in the inbox, the rendered body. 1 sent, 0 it was already.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= 'debited' then return 0 end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], 'sent')
redis.call('HINCRBY', KEYS[1], 'sent', 1)
return 1
