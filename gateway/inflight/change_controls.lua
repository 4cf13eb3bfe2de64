-- Changes what an operator steers, all of it or nothing. It holds from the next call of any process on, and evicts
-- nobody.
-- FLAGS allow-oom
-- KEYS door
-- ARGV call
-- ITEM name default expected value
--   A text is marked by '=' before it. An unmarked `expected`: whatever it is; an unmarked `value`: the default.
-- Returns {0, old...} changed, now or by the same call before · {1, current...} somebody was faster
--   {2} the programme has not been served yet · {3} people would be told nothing; the values in the order of the items

-- Every call asks for these, so they lie where the line does.
local IN_DOOR = {limit = true, mode = true}
-- In these modes people are told why.
local TELLS = {hold = true, drain = true, closed = true}
local MESSAGES = {'message_kk', 'message_ru', 'message_en'}

local function read_items(tag, items)
  local seen, was_faster = {}, false
  for at, item in ipairs(items) do
    item.key = tag .. (IN_DOOR[item.name] and 'door' or 'controls')
    seen[at] = redis.call('HGET', item.key, item.name) or item.default
    was_faster = was_faster or (item.expected ~= '' and item.expected ~= '=' .. seen[at])
  end
  return seen, was_faster
end

-- The mode and its messages as they would be after the change.
local function tells_nothing(tag, items)
  local after = {mode = redis.call('HGET', tag .. 'door', 'mode')}
  for _, name in ipairs(MESSAGES) do
    after[name] = redis.call('HGET', tag .. 'controls', name)
  end
  for _, item in ipairs(items) do
    after[item.name] = item.value == '' and item.default or string.sub(item.value, 2)
  end
  for _, name in ipairs(MESSAGES) do
    if TELLS[after.mode] and (after[name] or '') == '' then
      return true
    end
  end
  return false
end

local function write_items(tag, items)
  for _, item in ipairs(items) do
    if item.value ~= '' then
      redis.call('HSET', item.key, item.name, string.sub(item.value, 2))
    elseif IN_DOOR[item.name] then
      redis.call('HSET', item.key, item.name, item.default)
    else
      redis.call('HDEL', item.key, item.name)
    end
  end
  redis.call('HINCRBY', tag .. 'controls', 'version', 1)
end

local function change_controls(keys, args, items)
  local tag, door = tag_of(keys), keys[1]
  local last = redis.call('HMGET', door, 'limit', 'change', 'changed_from')
  if not last[1] then
    return {2}
  elseif last[2] == args.call then
    return {0, unpack(cjson.decode(last[3]))} -- The same call sent again after a broken connection.
  end
  local seen, was_faster = read_items(tag, items)
  if was_faster then
    return {1, unpack(seen)}
  elseif tells_nothing(tag, items) then
    return {3}
  end
  local was_closed = redis.call('HGET', door, 'mode') == 'closed'
  write_items(tag, items)
  redis.call('HSET', door, 'change', args.call, 'changed_from', cjson.encode(seen))
  if was_closed and redis.call('HGET', door, 'mode') ~= 'closed' then
    local _, svc = read_clock(door)
    renew_windows(tag, open_room(door, svc), svc)
  end
  return {0, unpack(seen)}
end
