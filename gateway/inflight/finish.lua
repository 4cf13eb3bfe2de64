-- Ends a case's stay: frees its slot, and its person's marker when one may apply again.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence state forget_person kept_ms
-- Returns {0, history} · {1} the token is stale or the case is gone

local function finish(keys, args)
  local tag, id = tag_of(keys), args.id
  local case = tag .. 'case:' .. id
  local seen = redis.call('HMGET', case, 'fence', 'state', 'history', 'person', 'idempotency')
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
  if redis.call('HGET', tag .. 'person:' .. seen[4], 'winner') == id then
    redis.call('ZREM', tag .. 'slots', seen[4])
    if args.forget_person == '1' then
      redis.call('HDEL', tag .. 'person:' .. seen[4], 'winner', 'proof')
    end
  end
  retire(tag, id, seen[5], args.kept_ms)
  call_into_freed_slots(tag, keys[1], svc)
  return {0, history}
end
