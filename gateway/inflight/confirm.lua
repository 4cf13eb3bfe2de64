-- Checks a code. If it is right, the case is accepted, its slot is kept and its job is queued: all or nothing.
-- KEYS door
-- ARGV id receipt_hash code_hash limit_seed tries persons_per_phone phones_checked lease_after_code_ms conversion_window_ms day_offset_ms kept_ms job_id payload job_ttl_ms
-- Returns
--   {0}                  accepted, now or by the same code before
--   {1}                  no such application, or another receipt
--   {2}                  nothing to confirm in this state
--   {3, attempts_left}   wrong code
--   {4, retry_after_ms}  locked after too many wrong codes
--   {5}                  the code is too old
--   {6}                  this person has applied already
--   {7}                  this phone has confirmed as many persons as it may
--   {8}                  full: the person has no slot and none is free
--   {9}                  whether another phone of this person is the right one is being asked: come back soon

local function count_wrong(tag, id, case, day)
  local tries = tag .. 'tries:' .. case.person .. ':' .. case.phone
  local wrong = count_today(tries, 'wrong', day) + 1
  redis.call('HSET', tries, 'day', day, 'wrong', wrong)
  redis.call('PEXPIRE', tries, DAY_KEPT_MS)
  local of_case = redis.call('HINCRBY', tag .. 'case:' .. id, 'wrong', 1)
  return math.max(wrong, of_case)
end

-- Persons a phone has confirmed, as one string of fixed-length hashes.
local function phone_is_free(tag, case, most)
  local persons = redis.call('HGET', tag .. 'phone:' .. case.phone, 'persons') or ''
  return string.find(persons, case.person, 1, true) or #persons < most * #case.person, persons
end

-- Whether the winner is only the first, who may be anybody: its phone is another, and not known to be the person's.
local function is_in_doubt(tag, winner, phone)
  local seen = redis.call('HMGET', tag .. 'case:' .. winner, 'state', 'proven', 'phone')
  return (seen[1] == 'accepted' or seen[1] == 'verifying') and not seen[2] and seen[3] ~= phone
end

-- Why somebody with the right code may not be this person's one applicant, or nil. Nobody's lease ends while it is
-- found out whose the winner's phone is: it may be a stranger's.
local function rivalry(tag, id, case, svc, args)
  local winner = redis.call('HGET', tag .. 'person:' .. case.person, 'winner')
  if winner and args.phones_checked == '1' and is_in_doubt(tag, winner, case.phone) then
    steer(tag, args)
    extend_lease(tag, id, case, svc + tonumber(args.lease_after_code_ms), svc)
    return {9}
  elseif winner or redis.call('HEXISTS', tag .. 'contested:' .. case.person, case.phone) == 1 then
    return {6}
  end
  return nil
end

-- A code that came back speaks for its numbers and its address, once.
local function note_entered(tag, id, seen, run, args)
  local code, block, address, counted = seen[5], seen[10], seen[11], seen[12]
  if block and counted ~= code then
    count_in(open_conversion(tag, args.conversion_window_ms, run), ENTERED, block, address)
    redis.call('HSET', tag .. 'case:' .. id, 'entered', code)
  end
end

local function accept(tag, id, case, persons, wall, args)
  local key = tag .. 'case:' .. id
  local carrier, slot = string.match(redis.call('HGET', key, 'carrier') or '', '^(%S+) (%d+)$')
  if carrier then
    count_carried(tag, slot, carrier .. ':confirmed')
  end
  redis.call('HSET', key, 'state', 'accepted', 'history', step(case.history, 'accepted', wall), 'accepted', int(wall))
  redis.call('ZREM', tag .. 'leases', id)
  redis.call('HDEL', tag .. 'person:' .. case.person, id)
  redis.call('HSET', tag .. 'person:' .. case.person, 'winner', id, 'proof', case.proof)
  if not string.find(persons, case.person, 1, true) then
    redis.call('HSET', tag .. 'phone:' .. case.phone, 'persons', persons .. case.person)
  end
  redis.call('DEL', tag .. 'outbox:' .. id)
  redis.call('ZADD', tag .. 'active', int(wall), id)
  redis.call('HINCRBY', tag .. 'door', 'accepted', 1)
  enqueue(tag, 'cases', args.job_id, args.payload, args.job_ttl_ms)
end

-- What is not a question of the code itself, or nil.
local function not_now(tag, id, seen, case, clock, args)
  if not seen[1] or seen[1] ~= args.receipt_hash then
    return {1}
  elseif seen[2] ~= 'awaiting_phone' then
    local ended = seen[2] == 'lapsed' and seen[5]
    return ended and {5} or (seen[2] ~= 'lapsed' and seen[5] == args.code_hash) and {0} or {2}
  elseif case.lease <= clock.svc then
    lapse(tag, id, clock.wall, args.kept_ms)
    return seen[5] and {5} or {2}
  elseif not seen[5] then
    return {2}
  end
  local day = day_of(clock.wall, args.day_offset_ms)
  if count_today(tag .. 'tries:' .. case.person .. ':' .. case.phone, 'wrong', day) >= tonumber(args.tries) then
    return {4, math.max(day_end(day, args.day_offset_ms) - clock.wall, 1)}
  elseif case.wrong >= tonumber(args.tries) then
    return {4, math.max(case.lease - clock.svc, 1)}
  elseif seen[5] ~= args.code_hash then
    return {3, math.max(tonumber(args.tries) - count_wrong(tag, id, case, day), 0)}
  end
  return nil
end

local function confirm(keys, args)
  local tag, id = tag_of(keys), args.id
  local wall, svc, _, run = serve_clock(keys[1])
  local seen = redis.call('HMGET', tag .. 'case:' .. id, 'receipt', 'state', 'person', 'phone', 'code', 'wrong',
    'lease', 'proof', 'history', 'block', 'asked_from', 'entered')
  local case = {
    person = seen[3], phone = seen[4], wrong = tonumber(seen[6]) or 0, lease = tonumber(seen[7]) or 0,
    proof = seen[8], history = seen[9],
  }
  local answer = not_now(tag, id, seen, case, {wall = wall, svc = svc}, args)
  if answer then
    return answer
  end
  note_entered(tag, id, seen, run, args)
  answer = rivalry(tag, id, case, svc, args)
  if answer then
    return answer
  end
  local free, persons = phone_is_free(tag, case, tonumber(args.persons_per_phone))
  if not free then
    return {7}
  end
  local live = live_count(tag, svc)
  if slot_end(tag, case.person, svc) then
    redis.call('ZADD', tag .. 'slots', int(NEVER), case.person)
  elseif live < limit_of(keys[1], args.limit_seed) then
    take_slot(tag, case.person, NEVER, live)
  else
    return {8}
  end
  accept(tag, id, case, persons, wall, args)
  return {0}
end
