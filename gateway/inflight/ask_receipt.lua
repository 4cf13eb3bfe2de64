-- Notes that somebody asks for a lost receipt. Whether the number exists is found out by the worker, so that
-- neither the answer nor its time can tell.
-- KEYS door
-- ARGV request address code_hash sealed_message lease_after_code_ms resend_ms address_limit phone_limit tries day_offset_ms job_id payload job_ttl_ms
-- Returns {0, attempts_left} · {3, retry_after_ms} asked a moment ago · {4, retry_after_ms} asked too often
--   {5, retry_after_ms} locked after too many wrong codes · {6, retry_after_ms} too many from this address

local function ask_receipt(keys, args)
  local tag = tag_of(keys)
  local wall, svc, _, run = serve_clock(keys[1])
  local day = day_of(wall, args.day_offset_ms)
  local request = tag .. 'lost:' .. args.request
  local seen = redis.call('HMGET', request, 'sent', 'code')
  local wrong = count_today(request, 'wrong', day)
  local left = tonumber(args.tries) - wrong
  if seen[2] == args.code_hash then
    return {0, left} -- The same call sent again after a broken connection.
  end
  steer(tag, args)
  local addresses = open_limit(tag, 'address', args.address_limit, run)
  local requests = open_limit(tag, 'request', args.phone_limit, run)
  read_limit(addresses, {args.address})
  read_limit(requests, {args.request})
  if refuses(addresses, args.address) then
    return {6, wait_ms(addresses, args.address)}
  end
  charge(addresses, args.address)
  close_limit(addresses)
  if left <= 0 then
    return {5, math.max(day_end(day, args.day_offset_ms) - wall, 1)}
  elseif seen[1] and svc < tonumber(seen[1]) + tonumber(args.resend_ms) then
    return {3, tonumber(seen[1]) + tonumber(args.resend_ms) - svc}
  elseif refuses(requests, args.request) then
    return {4, wait_ms(requests, args.request)}
  end
  charge(requests, args.request)
  close_limit(requests)
  redis.call('HSET', request, 'sent', int(svc), 'code', args.code_hash, 'ends', int(svc + args.lease_after_code_ms),
    'message', args.sealed_message, 'day', day, 'wrong', wrong)
  redis.call('PEXPIRE', request, DAY_KEPT_MS)
  enqueue(tag, 'receipts', args.job_id .. ':' .. int(svc), args.payload, args.job_ttl_ms)
  return {0, left}
end
