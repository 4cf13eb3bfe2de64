-- What the verbs share. Every key of a programme is derived from its tag, so one declared key fixes the slot.

-- A slot with this end belongs to a confirmed case and never lapses; it lies beyond any clock.
local NEVER = 9000000000000000

-- The most that one call may move the service clock: gateways tick every second, so a longer
-- gap means that nobody was served, and no lease may run meanwhile.
local LONGEST_GAP_MS = 3000

local function tag_of(keys)
  return string.sub(keys[1], 1, -5)
end

local function int(number)
  return string.format('%d', number)
end

local function time_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Reads the clocks without moving them: wall (never backwards), service clock and running clock, in ms.
local function read_clock(door)
  local raw = time_ms()
  local seen = redis.call('HMGET', door, 'wall', 'svc', 'run')
  return math.max(raw, tonumber(seen[1]) or 0), tonumber(seen[2]) or raw, tonumber(seen[3]) or raw
end

-- Moves the clocks, which a step of the machine's own in either direction does not. All leases and codes run on the
-- service clock: it stands still while no gateway calls and while no SMS provider accepts. Rates run on the running
-- clock, which goes on without SMS.
local function serve_clock(door)
  local raw = time_ms()
  local seen = redis.call('HMGET', door, 'wall', 'svc', 'raw', 'sms_down_ms', 'run')
  local wall = math.max(raw, tonumber(seen[1]) or 0)
  local gap = math.min(math.max(raw - (tonumber(seen[3]) or raw), 0), LONGEST_GAP_MS)
  local down = tonumber(seen[4]) or 0
  local svc = (tonumber(seen[2]) or raw) + math.max(gap - down, 0)
  local run = (tonumber(seen[5]) or raw) + gap
  redis.call('HSET', door, 'wall', int(wall), 'svc', int(svc), 'raw', int(raw), 'run', int(run))
  if down > 0 then
    down = math.max(down - gap, 0)
    redis.call('HSET', door, 'sms_down_ms', int(down))
  end
  return wall, svc, down, run
end

local function day_of(wall, day_offset_ms)
  return math.floor((wall + day_offset_ms) / 86400000)
end

local function day_end(day, day_offset_ms)
  return (day + 1) * 86400000 - day_offset_ms
end

-- The operator's limit; the seed counts only while there is none.
local function limit_of(door, seed)
  local limit = tonumber(redis.call('HGET', door, 'limit'))
  if not limit then
    limit = tonumber(seed)
    redis.call('HSET', door, 'limit', int(limit))
  end
  return limit
end

-- Voids the numbers of before when the line was lost with its data: a new line has a new epoch.
local function begin_epoch(door)
  if redis.call('HEXISTS', door, 'epoch') == 0 then
    redis.call('HSET', door, 'epoch', int(time_ms()))
  end
end

-- Unlapsed leases and cases being processed. Exact whether or not lapsed slots have been swept yet.
local function live_count(tag, svc)
  return redis.call('ZCOUNT', tag .. 'slots', '(' .. int(svc), '+inf')
end

local function unconfirmed_count(tag, svc)
  return redis.call('ZCOUNT', tag .. 'slots', '(' .. int(svc), '(' .. int(NEVER))
end

-- Keeps the most that was ever live.
local function note_high(tag, live)
  local high = tonumber(redis.call('HGET', tag .. 'door', 'high')) or 0
  if live > high then
    redis.call('HSET', tag .. 'door', 'high', int(live))
  end
end

local function take_slot(tag, person, lease_end, live)
  redis.call('ZADD', tag .. 'slots', int(lease_end), person)
  note_high(tag, live + 1)
end

-- The unlapsed end of a person's slot, or nil.
local function slot_end(tag, person, svc)
  local score = tonumber(redis.call('ZSCORE', tag .. 'slots', person))
  if score and score > svc then
    return score
  end
  return nil
end

-- One arq job, written as arq itself would write it. The job is a hint; the case record is the truth.
local function enqueue(tag, queue, job_id, payload, ttl_ms)
  redis.call('SET', 'arq:job:' .. job_id, payload, 'PX', ttl_ms, 'NX')
  redis.call('ZADD', tag .. queue, 'NX', int(time_ms()), job_id)
end

local function step(history, state, wall)
  local entry = state .. ':' .. int(wall)
  if history and history ~= '' then
    return history .. ',' .. entry
  end
  return entry
end

-- Keeps an ended record a while, so that a repeated call and a look at the status are still answered.
local function retire(tag, id, idempotency, kept_ms)
  redis.call('PEXPIRE', tag .. 'case:' .. id, kept_ms)
  if idempotency and idempotency ~= '' then
    redis.call('PEXPIRE', tag .. 'idem:' .. idempotency, kept_ms)
  end
end

-- Ends a lease whose phone was never confirmed. The slot goes by its own end, for candidates share it.
local function lapse(tag, id, wall, kept_ms)
  local case = tag .. 'case:' .. id
  local seen = redis.call('HMGET', case, 'state', 'person', 'idempotency', 'history')
  redis.call('ZREM', tag .. 'leases', id)
  if seen[1] ~= 'awaiting_phone' then
    return
  end
  redis.call('HSET', case, 'state', 'lapsed', 'history', step(seen[4], 'lapsed', wall))
  redis.call('HDEL', case, 'body', 'sealed_phone')
  redis.call('HDEL', tag .. 'person:' .. seen[2], id)
  redis.call('DEL', tag .. 'outbox:' .. id)
  retire(tag, id, seen[3], kept_ms)
end

-- Work is bounded so that one call never stalls the server: what is left waits for the next.
local LAPSES_PER_CALL = 1000

-- Lapses what is due and frees the slots that nobody holds any more.
local function lapse_due(tag, wall, svc, kept_ms)
  local due = redis.call('ZRANGEBYSCORE', tag .. 'leases', '-inf', int(svc), 'LIMIT', 0, LAPSES_PER_CALL)
  for _, id in ipairs(due) do
    lapse(tag, id, wall, kept_ms)
  end
  local ended = redis.call('ZRANGEBYSCORE', tag .. 'slots', '-inf', int(svc), 'LIMIT', 0, LAPSES_PER_CALL)
  for _, person in ipairs(ended) do
    redis.call('ZREM', tag .. 'slots', person)
  end
  return #due
end

-- Day counts are forgotten after two days: by then the day they speak of is over everywhere.
local DAY_KEPT_MS = 172800000

-- A count that starts anew each day: codes sent in all, wrong codes of a person and phone.
local function count_today(key, field, day)
  local seen = redis.call('HMGET', key, 'day', field)
  if tonumber(seen[1]) == day then
    return tonumber(seen[2]) or 0
  end
  return 0
end

-- The limits that have controls of their own.
local STEERED_LIMITS = {'address', 'person', 'phone', 'block', 'code_address'}

local function steer_limit(args, name, controls)
  local limit, seconds = name .. '_limit', controls[name .. '_window_seconds']
  local count, window_ms, shadow = string.match(args[limit] or '', '^(%d+):(%d+):(%d)$')
  if count then
    args[limit] = (controls[name .. '_count'] or count) .. ':' .. (seconds and int(seconds * 1000) or window_ms) .. ':'
      .. (controls[name .. '_shadow'] or shadow)
  end
end

-- Puts what an operator has set in the place of what the caller's file says, and returns it as Redis has it. A control
-- is named like its argument, in seconds where that is in milliseconds; those of a limit name its parts.
local function steer(tag, args)
  local set, controls = redis.call('HGETALL', tag .. 'controls'), {}
  for at = 1, #set, 2 do
    local name, value = set[at], set[at + 1]
    local in_ms = string.gsub(name, '_seconds$', '_ms')
    controls[name] = value
    if args[name] then
      args[name] = value
    elseif args[in_ms] then
      args[in_ms] = int(value * 1000)
    end
  end
  for _, name in ipairs(#set > 0 and STEERED_LIMITS or {}) do
    steer_limit(args, name, controls)
  end
  return set
end

-- Makes a verb known to Redis. It gets its arguments by the names in its header, and its items as such lists too:
-- `values_of` and `item_of` make them of the arguments behind a place.
local function register(function_name, verb, values_of, values_length, item_of, item_length, flags)
  local function call(keys, args)
    local items = {}
    for before = values_length, #args - 1, item_length do
      items[#items + 1] = item_of(args, before)
    end
    return verb(keys, values_of(args, 0), items)
  end
  redis.register_function{function_name = function_name, callback = call, flags = flags}
end
