-- Adds up what a worker saw of state systems since it last told, and returns how each breaker stands for all workers.
-- FLAGS allow-oom
-- KEYS door
-- ARGV window_ms fewest share_percent open_ms probes
-- ITEM system queue state good bad hold_ms
-- Returns a state for each item: closed, open or half_open. `state` is the one under which the worker's calls began:
-- what was under way when a breaker opened or closed says nothing of what came after. `hold_ms` is for how long the
-- system wants to be left alone, `queue` where the jobs are that need it.

local PACKED = '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'

local function read_breaker(text)
  local state, ends, slot, good, bad, good_before, bad_before, row = string.match(text or '', PACKED)
  return {
    state = state or 'closed', ends = tonumber(ends) or 0, slot = tonumber(slot) or 0,
    good = tonumber(good) or 0, bad = tonumber(bad) or 0,
    good_before = tonumber(good_before) or 0, bad_before = tonumber(bad_before) or 0, row = tonumber(row) or 0,
  }
end

local function write_breaker(b)
  return table.concat({b.state, int(b.ends), int(b.slot), b.good, b.bad, b.good_before, b.bad_before, b.row}, ' ')
end

local function go_to(b, state)
  b.state, b.good, b.bad, b.good_before, b.bad_before, b.row = state, 0, 0, 0, 0, 0
end

local function open_up(b, now, hold_ms, args)
  go_to(b, 'open')
  b.ends = now + math.max(tonumber(args.open_ms), hold_ms)
end

-- The window is two halves, so that it slides without a list of calls.
local function slide(b, now, args)
  local slot = math.floor(2 * now / args.window_ms)
  if slot ~= b.slot then
    local is_next = slot == b.slot + 1
    b.good_before, b.bad_before = is_next and b.good or 0, is_next and b.bad or 0
    b.slot, b.good, b.bad = slot, 0, 0
  end
end

-- Failures in a row are no chance either, and show before a window full of good calls has passed.
local function is_failing(b, args)
  if b.row >= tonumber(args.fewest) then
    return true
  end
  local bad = b.bad + b.bad_before
  local calls = b.good + b.good_before + bad
  return calls >= tonumber(args.fewest) and bad * 100 >= calls * tonumber(args.share_percent)
end

-- When a system is back, what waits need not wait any longer: each job's pause ends, one after the other, once all
-- workers have heard of it. Whoever had not would only send it back to wait.
local MOST_WOKEN, BETWEEN_WOKEN_MS, HEARD_AFTER_MS = 5000, 2, 1500

local function wake(queue, now)
  local jobs = redis.call('ZRANGEBYSCORE', queue, '(' .. int(now), '+inf', 'LIMIT', 0, MOST_WOKEN)
  for at, job in ipairs(jobs) do
    redis.call('ZADD', queue, 'XX', 'LT', int(now + HEARD_AFTER_MS + at * BETWEEN_WOKEN_MS), job)
  end
end

local function judge(tag, b, one, now, args)
  local hold_ms = tonumber(one.hold_ms)
  if b.state == 'open' then
    if now >= b.ends then
      go_to(b, 'half_open')
    end
    return
  elseif one.state ~= b.state then
    return
  elseif b.state == 'closed' then
    slide(b, now, args)
  end
  b.good, b.bad = b.good + one.good, b.bad + one.bad
  b.row = tonumber(one.good) > 0 and 0 or b.row + one.bad
  if hold_ms > 0 or (b.state == 'half_open' and b.bad > 0) or (b.state == 'closed' and is_failing(b, args)) then
    open_up(b, now, hold_ms, args)
  elseif b.state == 'half_open' and b.good >= tonumber(args.probes) then
    go_to(b, 'closed')
    wake(tag .. one.queue, now)
  end
end

local function breakers(keys, args, items)
  local tag, now, states = tag_of(keys), time_ms(), {}
  local key = tag .. 'breakers'
  for at, one in ipairs(items) do
    local seen = redis.call('HGET', key, one.system)
    local b = read_breaker(seen)
    -- A quiet system that is well costs no write.
    if b.state ~= 'closed' or not seen or one.good + one.bad + one.hold_ms > 0 then
      judge(tag, b, one, now, args)
      local text = write_breaker(b)
      if text ~= seen then
        redis.call('HSET', key, one.system, text)
      end
    end
    states[at] = b.state
  end
  return states
end
