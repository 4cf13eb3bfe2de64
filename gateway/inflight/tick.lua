-- The gateways' once-a-second refresh: moves the clocks, lapses and forgets what is due, calls the next, sums up.
-- FLAGS allow-oom
-- KEYS door
-- ARGV limit_seed kept_ms claim_window_ms front_row_window_ms calls_per_second inlet_per_second
-- Returns {wall_ms, svc_ms, limit, live, unconfirmed, accepted, high, epoch,
--   {m0, c0, f0, window...}, {m1, c1, f1, window...}, bits0, bits1, mode, {name, value...}}; a window is
--   "last:deadline", bits are the bytes of the spent bitmap from f to c, names those of what an operator has set.

-- The last of Redis's memory is for those who are in: codes, jobs and marks of their cases are writes too. So nobody new
-- is let in from here on, and not only when Redis refuses them all.
local MOST_PERCENT = 90

local function is_short_of_memory()
  local told = redis.call('INFO', 'memory')
  local used, most = string.match(told, 'used_memory:(%d+)'), tonumber(string.match(told, 'maxmemory:(%d+)'))
  return most > 0 and used * 100 > most * MOST_PERCENT
end

local function lane_summary(tag, room, lane)
  local summary = redis.call('LRANGE', tag .. 'calls' .. lane, 0, -1)
  for at, field in ipairs({'m', 'c', 'f'}) do
    table.insert(summary, at, room[field .. lane])
  end
  return summary
end

local function lane_bits(tag, room, lane)
  local first, last = math.floor(room['f' .. lane] / 8), math.floor(room['c' .. lane] / 8)
  if room['c' .. lane] < room['f' .. lane] then
    return ''
  end
  return redis.call('GETRANGE', tag .. 'spent' .. lane, first, last)
end

local function tick(keys, args)
  local tag, door = tag_of(keys), keys[1]
  local wall, svc, sms_down_ms, run = serve_clock(door)
  lapse_due(tag, wall, svc, args.kept_ms)
  forget_rates(tag, run)
  limit_of(door, args.limit_seed)
  begin_epoch(door)
  local controls = steer(tag, args)
  redis.call('HSET', door, 'hold0', args.claim_window_ms, 'hold1', args.front_row_window_ms,
    'vmax', args.calls_per_second, 'inlet', args.inlet_per_second,
    'short_of_memory', is_short_of_memory() and 1 or 0)
  local room, live = open_room(door, svc), live_count(tag, svc)
  keep_house(tag, room, svc, live, sms_down_ms > 0)
  close_room(room)
  local seen = redis.call('HMGET', door, 'accepted', 'high')
  return {wall, svc, room.limit, live, unconfirmed_count(tag, svc), tonumber(seen[1]) or 0, tonumber(seen[2]) or 0,
    room.epoch, lane_summary(tag, room, 0), lane_summary(tag, room, 1), lane_bits(tag, room, 0),
    lane_bits(tag, room, 1), room.mode, controls}
end
