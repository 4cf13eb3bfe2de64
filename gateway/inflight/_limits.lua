-- Rate limits: what the verbs share. A limit is written "count:window_ms:shadow": `count` at once and as many again
-- in each window, evenly (generic cell rate algorithm). What is kept of a key is the moment by which all that it was
-- granted would have come had it come evenly; once that has passed the key is gone, so who keeps to a limit leaves
-- no trace of it.

local function read_limit(text)
  local count, window_ms, shadow = string.match(text, '^(%d+):(%d+):(%d)$')
  return {window_ms = tonumber(window_ms), interval_ms = window_ms / count, shadow = shadow == '1'}
end

-- One more of a key. `wait_ms` is above 0 when the limit says no; nothing is written yet.
local function ask_limit(tag, name, key, limit, run)
  local full = tag .. 'rate:' .. name .. ':' .. key
  local paid_until = math.max(tonumber(redis.call('GET', full)) or run, run) + limit.interval_ms
  return {
    key = full, name = name, shadow = limit.shadow, paid_until = paid_until, run = run,
    wait_ms = math.ceil(paid_until - run - limit.window_ms),
  }
end

local function refuses(asked)
  return asked.wait_ms > 0 and not asked.shadow
end

-- Counts what was let in. In shadow, what the limit would have refused is told apart and costs nothing, as if it had.
local function charge(tag, asked)
  if asked.wait_ms > 0 then
    redis.call('HINCRBY', tag .. 'door', 'shadow_' .. asked.name, 1)
    return
  end
  local left_ms = math.ceil(asked.paid_until - asked.run)
  redis.call('SET', asked.key, string.format('%.3f', asked.paid_until), 'PX', left_ms)
end
