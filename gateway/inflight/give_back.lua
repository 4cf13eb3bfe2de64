-- Notes that a worker lets go of a case unfinished. A try that says nothing against the case does not count.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence counts tried
-- Returns {0} noted · {1} the token is stale or the case is gone

local function give_back(keys, args)
  local case = tag_of(keys) .. 'case:' .. args.id
  local seen = redis.call('HMGET', case, 'fence', 'takes')
  if seen[1] ~= args.fence then
    return {1}
  end
  redis.call('HDEL', case, 'held')
  if args.counts == '0' then
    redis.call('HSET', case, 'takes', math.max((tonumber(seen[2]) or 0) - 1, 0))
  end
  if args.tried == '1' then
    redis.call('HSET', case, 'tried', 1)
  end
  return {0}
end
