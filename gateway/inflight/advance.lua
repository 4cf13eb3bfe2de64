-- Moves a case one state on, or notes its journal number; only the holder of the newest token may.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence from to number
-- Returns {0, history} · {1} the token is stale or the case is gone · {2} the case is not in that state

local function advance(keys, args)
  local tag = tag_of(keys)
  local case = tag .. 'case:' .. args.id
  local seen = redis.call('HMGET', case, 'fence', 'state', 'history')
  if seen[1] ~= args.fence then
    return {1}
  elseif seen[2] == args.to then
    return {0, seen[3]} -- The same call sent again after a broken connection.
  elseif seen[2] ~= args.from then
    return {2}
  end
  local wall = read_clock(keys[1])
  local history = step(seen[3], args.to, wall)
  redis.call('HSET', case, 'state', args.to, 'history', history, 'takes', 0, 'deaths', 0)
  redis.call('HDEL', case, 'tried')
  if args.number ~= '' then
    redis.call('HSET', case, 'number', args.number)
  end
  redis.call('ZADD', tag .. 'active', int(wall), args.id)
  return {0, history}
end
