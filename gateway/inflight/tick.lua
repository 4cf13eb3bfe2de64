-- The gateways' once-a-second refresh: moves the service clock, lapses what is due (bounded), sums up.
-- FLAGS allow-oom
-- KEYS door
-- ARGV limit_seed kept_ms
-- Returns {wall_ms, limit, live, unconfirmed, accepted, high}

-- Work is bounded so that a tick never stalls the server: what is left waits for the next one.
local LAPSES_PER_TICK = 1000

local function tick(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  local due = redis.call('ZRANGEBYSCORE', tag .. 'leases', '-inf', int(svc), 'LIMIT', 0, LAPSES_PER_TICK)
  for _, id in ipairs(due) do
    lapse(tag, id, wall, args[2])
  end
  local ended = redis.call('ZRANGEBYSCORE', tag .. 'slots', '-inf', int(svc), 'LIMIT', 0, LAPSES_PER_TICK)
  for _, person in ipairs(ended) do
    redis.call('ZREM', tag .. 'slots', person)
  end
  local limit = limit_of(keys[1], args[1])
  local unconfirmed = redis.call('ZCOUNT', tag .. 'slots', '(' .. int(svc), '(' .. int(NEVER))
  local seen = redis.call('HMGET', keys[1], 'accepted', 'high')
  return {wall, limit, live_count(tag, svc), unconfirmed, tonumber(seen[1]) or 0, tonumber(seen[2]) or 0}
end
