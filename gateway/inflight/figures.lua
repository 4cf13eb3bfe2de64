-- What an operator sees. It moves neither the clocks nor the line: watching must not pass for serving.
-- FLAGS no-writes
-- KEYS door
-- ITEM queue
-- Returns {} while no gateway has served the programme, else
--   {mode, limit, live, unconfirmed, accepted, high, {m0, c0, reserved0}, {m1, c1, reserved1}, {shadowed...}, short_of_memory,
--    {jobs, age_ms}...}:
--   shadowed counts in the order of LIMITS; a pair an item, its age that of the job due for longest, or 0.

local LIMITS = {'address', 'person', 'phone', 'block', 'request', 'code_address', 'conversion'}

local function lane_figures(tag, room, lane)
  return {room['m' .. lane], room['c' .. lane], reserved(tag, room, lane)}
end

local function shadowed(door)
  local counts = {}
  for at, name in ipairs(LIMITS) do
    counts[at] = tonumber(redis.call('HGET', door, 'shadow_' .. name)) or 0
  end
  return counts
end

local function queue_figures(queue)
  local head = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  local age_ms = head[2] and time_ms() - tonumber(head[2]) or 0
  return {redis.call('ZCARD', queue), math.max(age_ms, 0)}
end

local function figures(keys, _, items)
  local tag, door = tag_of(keys), keys[1]
  local seen = redis.call('HMGET', door, 'limit', 'accepted', 'high')
  if not seen[1] then
    return {}
  end
  local _, svc = read_clock(door)
  local room = open_room(door, svc)
  local answer = {room.mode, room.limit, live_count(tag, svc), unconfirmed_count(tag, svc), tonumber(seen[2]) or 0,
    tonumber(seen[3]) or 0, lane_figures(tag, room, 0), lane_figures(tag, room, 1), shadowed(door),
    room.short_of_memory}
  for _, item in ipairs(items) do
    answer[#answer + 1] = queue_figures(tag .. item.queue)
  end
  return answer
end
