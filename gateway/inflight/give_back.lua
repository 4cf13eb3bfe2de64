-- Notes that a case waits for somebody else, so that this try does not count against it.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence
-- Returns {0} noted · {1} the token is stale or the case is gone

local function give_back(keys, args)
  local case = tag_of(keys) .. 'case:' .. args.id
  if redis.call('HGET', case, 'fence') ~= args.fence then
    return {1}
  end
  redis.call('HSET', case, 'takes', 0)
  return {0}
end
