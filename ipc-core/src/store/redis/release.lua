-- Gives a claim up if it still holds. The fence stays as long as the key does.
-- KEYS: the work. ARGV: ticket.
if redis.call('HGET', KEYS[1], 'ticket') == ARGV[1] then
    redis.call('HDEL', KEYS[1], 'fingerprint', 'ticket', 'lease_end')
    return 1
end
return 0
