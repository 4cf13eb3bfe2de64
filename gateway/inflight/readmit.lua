-- Lets a parked case in again, through the same slots as everybody: the only arrow backwards.
-- KEYS door
-- ARGV id limit_seed person receipt_hash body sealed_phone phone_hash number history accepted_ms job_id payload job_ttl_ms
-- Returns {0, at_ms} in, now or before · {1} full · {2} another application of this person is in its place
--   {3} it has ended meanwhile

-- While people wait, one freed slot in ten is for those who come back; finish.lua gives the credit.
local function may_come_back(tag, door, live)
  local room = open_room(door)
  local spoken_for = reserved(tag, room, 0) + reserved(tag, room, 1)
  if waiting(room, 0) + waiting(room, 1) + spoken_for == 0 then
    return live < room.limit
  end
  local credit = tonumber(redis.call('HGET', door, 'credit')) or 0
  if live >= room.limit or credit < 10 then
    return false
  end
  redis.call('HSET', door, 'credit', credit - 10)
  return true
end

local function readmit(keys, args)
  local tag, id = tag_of(keys), args[1]
  local case, person = tag .. 'case:' .. id, tag .. 'person:' .. args[3]
  local wall, svc = read_clock(keys[1])
  local winner = redis.call('HGET', person, 'winner')
  if winner and winner ~= id then
    return {2}
  end
  if redis.call('ZSCORE', tag .. 'active', id) then
    return {0, wall}
  end
  local seen = redis.call('HMGET', case, 'state', 'idempotency')
  if seen[1] and seen[1] ~= 'parked' then
    return {3}
  end
  local live, door = live_count(tag, svc), keys[1]
  limit_of(door, args[2])
  if slot_end(tag, args[3], svc) then
    redis.call('ZADD', tag .. 'slots', int(NEVER), args[3])
  elseif may_come_back(tag, door, live) then
    take_slot(tag, args[3], NEVER, live)
  else
    return {1}
  end
  redis.call('HSET', case, 'v', 1, 'state', 'accepted', 'person', args[3], 'receipt', args[4], 'body', args[5],
    'sealed_phone', args[6], 'phone', args[7], 'number', args[8], 'history', step(args[9], 'accepted', wall),
    'accepted', args[10], 'takes', 0)
  redis.call('PERSIST', case)
  if seen[2] and seen[2] ~= '' then
    redis.call('PERSIST', tag .. 'idem:' .. seen[2])
  end
  redis.call('HSET', person, 'winner', id)
  redis.call('ZADD', tag .. 'active', int(wall), id)
  enqueue(tag, 'cases', args[11], args[12], args[13])
  return {0, wall}
end
