-- Lets a parked case in again, through the same slots as everybody: the only arrow backwards.
-- KEYS door
-- ARGV id limit_seed person receipt_hash body sealed_phone phone_hash number history accepted_ms job_id payload job_ttl_ms
-- Returns {0, at_ms} in, now or before · {1} full · {2} another application of this person is in its place
--   {3} it has ended meanwhile

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
  local live = live_count(tag, svc)
  if slot_end(tag, args[3], svc) then
    redis.call('ZADD', tag .. 'slots', int(NEVER), args[3])
  elseif live < limit_of(keys[1], args[2]) then
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
