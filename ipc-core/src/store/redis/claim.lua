-- Claims a piece of work, or tells what has become of it.
-- KEYS: the work. ARGV: fingerprint, ticket, lease and keep in milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local work = redis.call('HMGET', KEYS[1], 'fingerprint', 'ticket', 'fence', 'lease_end', 'reply')
local fingerprint, ticket, fence, lease_end, reply = work[1], work[2], work[3], work[4], work[5]

if reply or (lease_end and tonumber(lease_end) > now) then
    if fingerprint ~= ARGV[1] then
        return {'mismatch'}
    end
    if reply then
        return {'done', reply}
    end
    -- Asked once more, because the answer was lost.
    if ticket == ARGV[2] then
        return {'granted', tonumber(fence), 0}
    end
    return {'running', lease_end - now}
end

-- What was forgotten of a key cannot make its fence go back: the time has gone on.
local higher = math.max((fence or 0) + 1, time[1] * 1000000 + time[2])
redis.call('HSET', KEYS[1],
    'fingerprint', ARGV[1],
    'ticket', ARGV[2],
    'fence', string.format('%.0f', higher),
    'lease_end', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3] + ARGV[4])
return {'granted', higher, lease_end and 1 or 0}
