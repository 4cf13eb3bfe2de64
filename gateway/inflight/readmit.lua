-- Lets a parked case in again, through the same slots as everybody: the only arrow backwards.
-- KEYS door
-- ARGV id limit_seed person receipt_hash body sealed_phone phone_hash number history accepted_ms upheld job_id payload job_ttl_ms
-- Returns {0, at_ms} in, now or before · {1} full · {2} another application of this person is in its place
--   {3} it has ended meanwhile

-- While people wait, one freed slot in ten is for those who come back; finish.lua gives the credit.
local function may_come_back(tag, door, svc, live)
  local room = open_room(door, svc)
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
  local tag, id = tag_of(keys), args.id
  local case, person = tag .. 'case:' .. id, tag .. 'person:' .. args.person
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
  limit_of(door, args.limit_seed)
  if slot_end(tag, args.person, svc) then
    redis.call('ZADD', tag .. 'slots', int(NEVER), args.person)
  elseif may_come_back(tag, door, svc, live) then
    take_slot(tag, args.person, NEVER, live)
  else
    return {1}
  end
  redis.call('HSET', case, 'v', 1, 'state', 'accepted', 'person', args.person, 'receipt', args.receipt_hash,
    'body', args.body, 'sealed_phone', args.sealed_phone, 'phone', args.phone_hash, 'number', args.number,
    'history', step(args.history, 'accepted', wall), 'accepted', args.accepted_ms, 'takes', 0)
  redis.call('HDEL', tag .. 'contested:' .. args.person, args.phone_hash)
  if args.upheld == '1' then
    redis.call('HSET', case, 'proven', 1)
  end
  redis.call('PERSIST', case)
  if seen[2] and seen[2] ~= '' then
    redis.call('PERSIST', tag .. 'idem:' .. seen[2])
  end
  redis.call('HSET', person, 'winner', id)
  redis.call('ZADD', tag .. 'active', int(wall), id)
  enqueue(tag, 'cases', args.job_id, args.payload, args.job_ttl_ms)
  return {0, wall}
end
