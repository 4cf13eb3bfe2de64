-- Takes an applicant's phone and queues the SMS with its code; the same phone again gets a new code.
-- KEYS door
-- ARGV id receipt_hash phone_hash sealed_phone code_hash sealed_message lease_ms resend_ms codes_per_day changes tries day_offset_ms kept_ms job_id payload job_ttl_ms
-- Returns
--   {0, attempts_left}   the code is on its way
--   {1}                  no such application, or another receipt
--   {2}                  not waiting for a phone
--   {3, retry_after_ms}  a code was sent a moment ago
--   {4, retry_after_ms}  the phone has had as many codes today as it may get
--   {5, retry_after_ms}  locked after too many wrong codes
--   {6}                  the number was changed as often as it may be

local function extend_lease(tag, id, person, proof, lease_end, svc)
  redis.call('ZADD', tag .. 'leases', int(lease_end), id)
  redis.call('HSET', tag .. 'person:' .. person, id, int(lease_end) .. ':' .. proof)
  local held = slot_end(tag, person, svc)
  if held and held < lease_end then
    redis.call('ZADD', tag .. 'slots', int(lease_end), person)
  end
end

-- Why no code may be sent now, or nil.
local function refusal(case, args, clock, codes, wrong)
  local same = case.phone == args[3]
  if wrong >= tonumber(args[11]) then
    return {5, math.max(day_end(clock.day, args[12]) - clock.wall, 1)}
  elseif case.wrong >= tonumber(args[11]) then
    return {5, math.max(case.lease - clock.svc, 1)}
  elseif case.phone and not same and case.changes >= tonumber(args[10]) then
    return {6}
  elseif same and clock.svc < case.sent + tonumber(args[8]) then
    return {3, case.sent + tonumber(args[8]) - clock.svc}
  elseif codes >= tonumber(args[9]) then
    return {4, math.max(day_end(clock.day, args[12]) - clock.wall, 1)}
  end
  return nil
end

local function send_code(tag, case, args, clock, codes)
  local key, id = tag .. 'case:' .. args[1], args[1]
  local lease_end = clock.svc + tonumber(args[7])
  local changes = case.changes
  if case.phone and case.phone ~= args[3] then
    changes = changes + 1
  end
  redis.call('HSET', key, 'phone', args[3], 'sealed_phone', args[4], 'code', args[5], 'sent', int(clock.svc),
    'lease', int(lease_end), 'changes', changes)
  extend_lease(tag, id, case.person, case.proof, lease_end, clock.svc)
  count_code(tag .. 'phone:' .. args[3], clock.day, codes + 1)
  redis.call('SET', tag .. 'outbox:' .. id, args[6])
  local number = redis.call('HINCRBY', key, 'codes', 1)
  enqueue(tag, 'sms', args[14] .. ':code:' .. number, args[15], args[16])
end

local function phone(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  local seen = redis.call('HMGET', tag .. 'case:' .. args[1], 'receipt', 'state', 'person', 'phone', 'code',
    'wrong', 'changes', 'sent', 'lease', 'proof')
  if not seen[1] or seen[1] ~= args[2] then
    return {1}
  end
  local case = {
    person = seen[3], phone = seen[4], wrong = tonumber(seen[6]) or 0, changes = tonumber(seen[7]) or 0,
    sent = tonumber(seen[8]) or 0, lease = tonumber(seen[9]), proof = seen[10],
  }
  if seen[2] ~= 'awaiting_phone' then
    return {2}
  elseif case.lease <= svc then
    lapse(tag, args[1], wall, args[13])
    return {2}
  end
  local clock = {wall = wall, svc = svc, day = day_of(wall, args[12])}
  local wrong = count_today(tag .. 'tries:' .. case.person .. ':' .. args[3], 'wrong', clock.day)
  local left = tonumber(args[11]) - math.max(case.wrong, wrong)
  if seen[5] == args[5] then
    return {0, left} -- The same call sent again after a broken connection.
  end
  local codes = count_today(tag .. 'phone:' .. args[3], 'codes', clock.day)
  local refused = refusal(case, args, clock, codes, wrong)
  if refused then
    return refused
  end
  send_code(tag, case, args, clock, codes)
  return {0, left}
end
