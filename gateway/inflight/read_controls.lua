-- What an operator has set, all as of one moment.
-- FLAGS no-writes
-- KEYS door
-- Returns {} while no gateway has served the programme, else {limit, mode, {name, value...}}

local function read_controls(keys)
  local seen = redis.call('HMGET', keys[1], 'limit', 'mode')
  if not seen[1] then
    return {}
  end
  return {seen[1], seen[2] or 'open', redis.call('HGETALL', tag_of(keys) .. 'controls')}
end
