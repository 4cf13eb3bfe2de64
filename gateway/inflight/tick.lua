-- The gateways' once-a-second refresh: moves the service clock, lapses what is due (bounded), sums up.
-- FLAGS allow-oom
-- KEYS door
-- ARGV limit_seed kept_ms
-- Returns {wall_ms, limit, live, unconfirmed, accepted, high}

local function tick(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  lapse_due(tag, wall, svc, args[2])
  local limit = limit_of(keys[1], args[1])
  local unconfirmed = redis.call('ZCOUNT', tag .. 'slots', '(' .. int(svc), '(' .. int(NEVER))
  local seen = redis.call('HMGET', keys[1], 'accepted', 'high')
  return {wall, limit, live_count(tag, svc), unconfirmed, tonumber(seen[1]) or 0, tonumber(seen[2]) or 0}
end
