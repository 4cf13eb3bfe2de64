-- Ends a case's stay: frees its slot, and its person's marker when one may apply again.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence state marker kept_ms
--   marker: "keep" · "forget", one may apply again · "doubt", one may with another phone than this
-- Returns {0, history} · {1} the token is stale or the case is gone

-- Whoever waited beside the case keeps the slot until the last of their leases ends, as before it was confirmed.
local function hand_on_slot(tag, person, svc)
  local longest = 0
  for _, value in ipairs(redis.call('HVALS', tag .. 'person:' .. person)) do
    longest = math.max(longest, tonumber(string.match(value, '^(%d+):%w+$')) or 0)
  end
  if longest > svc then
    redis.call('ZADD', tag .. 'slots', int(longest), person)
  else
    redis.call('ZREM', tag .. 'slots', person)
  end
end

local function leave_slot(tag, id, person, marker, svc)
  if redis.call('HGET', tag .. 'person:' .. person, 'winner') ~= id then
    return
  end
  if marker == 'keep' then
    redis.call('ZREM', tag .. 'slots', person)
  else
    redis.call('HDEL', tag .. 'person:' .. person, 'winner', 'proof')
    hand_on_slot(tag, person, svc)
  end
end

local function finish(keys, args)
  local tag, id = tag_of(keys), args.id
  local case = tag .. 'case:' .. id
  local seen = redis.call('HMGET', case, 'fence', 'state', 'history', 'person', 'idempotency', 'phone')
  if seen[1] ~= args.fence then
    return {1}
  elseif seen[2] == args.state then
    return {0, seen[3]} -- The same call sent again after a broken connection.
  end
  local wall, svc = read_clock(keys[1])
  local history = step(seen[3], args.state, wall)
  redis.call('HSET', case, 'state', args.state, 'history', history)
  redis.call('HDEL', case, 'body', 'sealed_phone')
  redis.call('ZREM', tag .. 'active', id)
  leave_slot(tag, id, seen[4], args.marker, svc)
  if args.marker == 'doubt' then
    redis.call('HSET', tag .. 'contested:' .. seen[4], seen[6], id)
  end
  retire(tag, id, seen[5], args.kept_ms)
  call_into_freed_slots(tag, keys[1], svc)
  return {0, history}
end
