-- Notes that a case's phone is known to be its person's: from now on nobody else is heard for that person.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id fence
-- Returns {0} noted · {1} the token is stale or the case is gone

local function prove(keys, args)
  local case = tag_of(keys) .. 'case:' .. args.id
  if redis.call('HGET', case, 'fence') ~= args.fence then
    return {1}
  end
  redis.call('HSET', case, 'proven', 1)
  return {0}
end
