-- Sets a programme's limit, if it still is what the operator saw. It holds from the next call of any process on;
-- lowered, it evicts nobody.
-- FLAGS allow-oom
-- KEYS door
-- ARGV limit expected
-- Returns {0, old} set · {1, current} somebody was faster · {2} the programme has not been served yet

local function set_limit(keys, args)
  local current = redis.call('HGET', keys[1], 'limit')
  if not current then
    return {2}
  elseif args.expected ~= '' and args.expected ~= current then
    return {1, tonumber(current)}
  end
  redis.call('HSET', keys[1], 'limit', args.limit)
  return {0, tonumber(current)}
end
