-- Lets a claim hold for longer, unless the work was claimed under a higher fence. What
-- is not there any more was lost, and is claimed again.
-- KEYS: the work. ARGV: fence, fingerprint, ticket, lease and keep in milliseconds.
local fence = redis.call('HGET', KEYS[1], 'fence')
if fence and tonumber(fence) > tonumber(ARGV[1]) then
    return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1],
    'fingerprint', ARGV[2],
    'ticket', ARGV[3],
    'fence', ARGV[1],
    'lease_end', string.format('%.0f', now + ARGV[4]))
redis.call('PEXPIRE', KEYS[1], ARGV[4] + ARGV[5])
return 1
