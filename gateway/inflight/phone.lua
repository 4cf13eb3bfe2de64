-- Takes an applicant's phone and queues the SMS with its code; the same phone again gets a new code.
-- KEYS door
-- ARGV id receipt_hash phone_hash block_hash address_hash sealed_phone code_hash sealed_message lease_after_code_ms resend_ms phone_limit code_address_limit block_limit conversion_codes conversion_window_ms conversion_least_percent conversion_trickle conversion_shadow codes_per_day changes tries day_offset_ms kept_ms job_id payload job_ttl_ms
-- Returns
--   {0, attempts_left}   the code is on its way
--   {1}                  no such application, or another receipt
--   {2}                  not waiting for a phone
--   {3, retry_after_ms}  a code was sent a moment ago
--   {4, retry_after_ms}  the phone has had as many codes as it may get
--   {5, retry_after_ms}  locked after too many wrong codes
--   {6}                  the number was changed as often as it may be
--   {7, retry_after_ms}  the numbers around this one have had as many codes as they may get
--   {8, retry_after_ms}  the programme has sent as many codes today as it may
--   {9, retry_after_ms}  this address has asked for as many codes as it may
--   {10, retry_after_ms} hardly any code comes back of these numbers, nor of this address

-- Numbers in doubt are asked again this soon: a few codes that come back are enough to clear them.
local DOUBT_MS = 60000

-- Why this applicant may get no code now, or nil.
local function refusal(case, args, clock, wrong)
  local same = case.phone == args.phone_hash
  if wrong >= tonumber(args.tries) then
    return {5, math.max(day_end(clock.day, args.day_offset_ms) - clock.wall, 1)}
  elseif case.wrong >= tonumber(args.tries) then
    return {5, math.max(case.lease - clock.svc, 1)}
  elseif case.phone and not same and case.changes >= tonumber(args.changes) then
    return {6}
  elseif same and clock.svc < case.sent + tonumber(args.resend_ms) then
    return {3, case.sent + tonumber(args.resend_ms) - clock.svc}
  end
  return nil
end

-- Whether codes to these numbers are wasted. Anybody can ask for codes to numbers that are not theirs, and so bring a
-- whole block into doubt: therefore only an address whose own codes are not entered either is refused.
local function is_wasted(tag, conversion, args, down)
  local percent = tonumber(args.conversion_least_percent)
  local wasted = comes_back_badly(conversion, args.block_hash, args.conversion_codes, percent)
    and comes_back_badly(conversion, args.address_hash, args.conversion_trickle, percent)
  if wasted and args.conversion_shadow == '1' then
    redis.call('HINCRBY', tag .. 'door', 'shadow_conversion', 1)
    return false
  end
  -- While no provider accepts, nobody can enter anything.
  return wasted and down == 0
end

-- Counts the code against the limits of its phone, its address, the numbers around it and of the day; all or none.
local function charge_code(tag, args, clock)
  local phones = open_limit(tag, 'phone', args.phone_limit, clock.run)
  local addresses = open_limit(tag, 'code_address', args.code_address_limit, clock.run)
  local blocks = open_limit(tag, 'block', args.block_limit, clock.run)
  local conversion = open_conversion(tag, args.conversion_window_ms, clock.run)
  read_limit(phones, {args.phone_hash})
  read_limit(addresses, {args.address_hash})
  read_limit(blocks, {args.block_hash})
  local sent, budget = count_today(tag .. 'codes', 'sent', clock.day), tonumber(args.codes_per_day)
  if refuses(phones, args.phone_hash) then
    return {4, wait_ms(phones, args.phone_hash)}
  elseif refuses(addresses, args.address_hash) then
    return {9, wait_ms(addresses, args.address_hash)}
  elseif refuses(blocks, args.block_hash) then
    return {7, wait_ms(blocks, args.block_hash)}
  elseif is_wasted(tag, conversion, args, clock.sms_down_ms) then
    return {10, DOUBT_MS}
  elseif budget > 0 and sent >= budget then
    return {8, math.max(day_end(clock.day, args.day_offset_ms) - clock.wall, 1)}
  end
  charge(phones, args.phone_hash)
  charge(addresses, args.address_hash)
  charge(blocks, args.block_hash)
  close_limit(phones)
  close_limit(addresses)
  close_limit(blocks)
  count_in(conversion, SENT, args.block_hash, args.address_hash)
  redis.call('HSET', tag .. 'codes', 'day', clock.day, 'sent', sent + 1)
  return nil
end

local function send_code(tag, case, args, clock)
  local key, id = tag .. 'case:' .. args.id, args.id
  local lease_end = clock.svc + tonumber(args.lease_after_code_ms)
  local changes = case.changes
  if case.phone and case.phone ~= args.phone_hash then
    changes = changes + 1
  end
  redis.call('HSET', key, 'phone', args.phone_hash, 'sealed_phone', args.sealed_phone, 'code', args.code_hash,
    'block', args.block_hash, 'asked_from', args.address_hash, 'sent', int(clock.svc), 'changes', changes)
  extend_lease(tag, id, case, lease_end, clock.svc)
  redis.call('SET', tag .. 'outbox:' .. id, args.sealed_message)
  local number = redis.call('HINCRBY', key, 'codes', 1)
  enqueue(tag, 'sms', args.job_id .. ':code:' .. number, args.payload, args.job_ttl_ms)
end

local function phone(keys, args)
  local tag = tag_of(keys)
  local wall, svc, sms_down_ms, run = serve_clock(keys[1])
  local seen = redis.call('HMGET', tag .. 'case:' .. args.id, 'receipt', 'state', 'person', 'phone', 'code',
    'wrong', 'changes', 'sent', 'lease', 'proof')
  if not seen[1] or seen[1] ~= args.receipt_hash then
    return {1}
  end
  local case = {
    person = seen[3], phone = seen[4], wrong = tonumber(seen[6]) or 0, changes = tonumber(seen[7]) or 0,
    sent = tonumber(seen[8]) or 0, lease = tonumber(seen[9]), proof = seen[10],
  }
  if seen[2] ~= 'awaiting_phone' then
    return {2}
  elseif case.lease <= svc then
    lapse(tag, args.id, wall, args.kept_ms)
    return {2}
  end
  local day = day_of(wall, args.day_offset_ms)
  local clock = {wall = wall, svc = svc, run = run, day = day, sms_down_ms = sms_down_ms}
  local wrong = count_today(tag .. 'tries:' .. case.person .. ':' .. args.phone_hash, 'wrong', clock.day)
  local left = tonumber(args.tries) - math.max(case.wrong, wrong)
  if seen[5] == args.code_hash then
    return {0, left} -- The same call sent again after a broken connection.
  end
  steer(tag, args)
  local refused = refusal(case, args, clock, wrong) or charge_code(tag, args, clock)
  if refused then
    return refused
  end
  send_code(tag, case, args, clock)
  return {0, left}
end
