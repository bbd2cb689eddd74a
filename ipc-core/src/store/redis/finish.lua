-- Stores a reply, unless the work was claimed under a higher fence. What is not
-- there any more was lost, or had its time, and nobody has claimed it since.
-- KEYS: the work. ARGV: fence, fingerprint, reply, keep in milliseconds.
local fence = redis.call('HGET', KEYS[1], 'fence')
if fence and tonumber(fence) > tonumber(ARGV[1]) then
    return 0
end
redis.call('HDEL', KEYS[1], 'ticket', 'lease_end')
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'fingerprint', ARGV[2], 'reply', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
