-- Rate limits: what the verbs share. A limit is written "count:window_ms:shadow": `count` at once and as many again
-- in each window, evenly (generic cell rate algorithm). What is kept of a key is the moment by which all that it was
-- granted would have come had it come evenly. It lies less than a window ahead, so it is kept in one hash for the
-- windows of now, looked for in the one before as well, and forgotten by the tick after that.

local function open_limit(tag, name, text, run)
  local count, window_ms, shadow = string.match(text, '^(%d+):(%d+):(%d)$')
  -- In whole microseconds, rounded up, and the burst as a multiple of them: sums of fractions would drift, and six a
  -- second be five.
  local interval_us = math.ceil(window_ms * 1000 / count)
  local kept_ms = math.ceil(interval_us * count / 1000)
  local generation = math.floor(run / kept_ms)
  local key = tag .. 'rate:' .. name .. ':'
  return {
    tag = tag, name = name, shadow = shadow == '1', interval_us = interval_us, kept_ms = kept_ms,
    burst_us = interval_us * count, run_us = run * 1000, now = key .. int(generation),
    before = key .. int(generation - 1), over_ms = (generation + 2) * kept_ms, paid_until_us = {}, charged = {},
    shadowed = 0,
  }
end

-- Reads what is known of the keys that the call will ask for.
local function read_limit(limit, keys)
  local now, before = redis.call('HMGET', limit.now, unpack(keys)), redis.call('HMGET', limit.before, unpack(keys))
  for at, key in ipairs(keys) do
    limit.paid_until_us[key] = math.max(tonumber(now[at] or before[at]) or 0, limit.run_us)
  end
end

-- How long until the limit lets one more of a key through; 0: now.
local function wait_ms(limit, key)
  local ahead_us = limit.paid_until_us[key] + limit.interval_us - limit.run_us
  return math.max(math.ceil((ahead_us - limit.burst_us) / 1000), 0)
end

local function refuses(limit, key)
  return not limit.shadow and wait_ms(limit, key) > 0
end

-- Counts what was let in. In shadow, what the limit would have refused is told apart and costs nothing, as if it had.
local function charge(limit, key)
  if wait_ms(limit, key) > 0 then
    limit.shadowed = limit.shadowed + 1
  else
    limit.paid_until_us[key] = limit.paid_until_us[key] + limit.interval_us
    limit.charged[key] = true
  end
end

-- Notes when a hash will be over. It would go by itself as well, but Redis finds large hashes late among the millions
-- of small keys that have an end: sampling those, it needs minutes.
local function note_over(limit)
  redis.call('ZADD', limit.tag .. 'rates', int(limit.over_ms), limit.now)
  redis.call('PEXPIRE', limit.now, int(3 * limit.kept_ms))
end

-- Frees what is over. Redis frees large hashes beside the commands, not in them.
local function forget_rates(tag, run)
  local over = redis.call('ZRANGEBYSCORE', tag .. 'rates', '-inf', int(run))
  for _, key in ipairs(over) do
    redis.call('UNLINK', key)
    redis.call('ZREM', tag .. 'rates', key)
  end
end

-- Writes what was counted, once a call.
local function close_limit(limit)
  local fields = {}
  for key in pairs(limit.charged) do
    fields[#fields + 1] = key
    fields[#fields + 1] = int(limit.paid_until_us[key])
  end
  if #fields > 0 then
    local added = redis.call('HSET', limit.now, unpack(fields))
    if added > 0 and added == redis.call('HLEN', limit.now) then
      note_over(limit)
    end
  end
  if limit.shadowed > 0 then
    redis.call('HINCRBY', limit.tag .. 'door', 'shadow_' .. limit.name, limit.shadowed)
  end
end
