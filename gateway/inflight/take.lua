-- Gives a worker an accepted case and the fencing token under which it may change it.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id
-- Returns {} when there is nothing to do, else
--   {fence, takes, state, person, receipt, body, sealed_phone, phone, number, history, accepted_ms, now_ms,
--    trace, proven}; proven: 1 when the phone is known to be the person's, else 0

local function take(keys, args)
  local tag = tag_of(keys)
  local case = tag .. 'case:' .. args.id
  local state = redis.call('HGET', case, 'state')
  if state ~= 'accepted' and state ~= 'verifying' and state ~= 'forwarding' then
    return {}
  end
  local wall = read_clock(keys[1])
  -- Tokens grow even if the counter was lost with its data, for they are never below the time in microseconds.
  local time = redis.call('TIME')
  local fence = math.max((tonumber(redis.call('HGET', keys[1], 'fence')) or 0) + 1, time[1] * 1000000 + time[2])
  redis.call('HSET', keys[1], 'fence', int(fence))
  redis.call('HSET', case, 'fence', int(fence))
  local takes = redis.call('HINCRBY', case, 'takes', 1)
  redis.call('ZADD', tag .. 'active', int(wall), args.id)
  local seen = redis.call('HMGET', case, 'state', 'person', 'receipt', 'body', 'sealed_phone', 'phone', 'number',
    'history', 'accepted', 'trace', 'proven')
  return {fence, takes, seen[1], seen[2], seen[3], seen[4] or '', seen[5] or '', seen[6] or '', seen[7] or '',
    seen[8], tonumber(seen[9]), wall, seen[10] or '', tonumber(seen[11]) or 0}
end
