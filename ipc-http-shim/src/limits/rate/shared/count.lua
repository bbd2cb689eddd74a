-- Counts one request by several limits at once, by none of them where it is over one: the
-- generic cell rate algorithm, by the server's clock.
--
-- KEYS[i]      until when the client of the i-th limit has used it up, in microseconds
-- ARGV[2i-1]   microseconds for each request
-- ARGV[2i]     requests at once
--
-- Answers 0 and how many more could follow at once under each limit, or which limit it
-- is over, and for how many microseconds more.

-- Of 2025 on: what is left of a number's precision then is far below a microsecond.
local EPOCH = 1735689600

local time = redis.call('TIME')
local now = (time[1] - EPOCH) * 1e6 + time[2]
local used, answer = {}, {0}

for i, key in ipairs(KEYS) do
  local each, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local until_then = tonumber(redis.call('GET', key) or now)
  -- Never more than the burst, also where the clock was set back.
  until_then = math.max(now, math.min(until_then, now + each * burst))
  local free = now + each * burst - until_then - each
  if free < 0 then
    return {i, math.ceil(-free)}
  end
  used[i] = until_then + each
  answer[i + 1] = math.floor(free / each)
end

for i, key in ipairs(KEYS) do
  local lasts = math.ceil((used[i] - now) / 1000)
  redis.call('SET', key, string.format('%.3f', used[i]), 'PX', math.max(lasts, 1))
end
return answer
