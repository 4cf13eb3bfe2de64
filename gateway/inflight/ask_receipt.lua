-- Notes that somebody asks for a lost receipt. Whether the number exists is found out by the worker, so that
-- neither the answer nor its time can tell.
-- KEYS door
-- ARGV request code_hash sealed_message lifetime_ms resend_ms codes_per_day tries day_offset_ms job_id payload job_ttl_ms
-- Returns {0, attempts_left} · {3, retry_after_ms} asked a moment ago · {4, retry_after_ms} asked too often today
--   {5, retry_after_ms} locked after too many wrong codes

local function ask_receipt(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  local day = day_of(wall, args[8])
  local request = tag .. 'lost:' .. args[1]
  local seen = redis.call('HMGET', request, 'sent', 'code')
  local wrong, codes = count_today(request, 'wrong', day), count_today(request, 'codes', day)
  local left, until_midnight = tonumber(args[7]) - wrong, math.max(day_end(day, args[8]) - wall, 1)
  if seen[2] == args[2] then
    return {0, left} -- The same call sent again after a broken connection.
  elseif left <= 0 then
    return {5, until_midnight}
  elseif seen[1] and svc < tonumber(seen[1]) + tonumber(args[5]) then
    return {3, tonumber(seen[1]) + tonumber(args[5]) - svc}
  elseif codes >= tonumber(args[6]) then
    return {4, until_midnight}
  end
  redis.call('HSET', request, 'sent', int(svc), 'code', args[2], 'ends', int(svc + args[4]), 'message', args[3],
    'day', day, 'wrong', wrong, 'codes', codes + 1)
  redis.call('PEXPIRE', request, DAY_KEPT_MS)
  enqueue(tag, 'receipts', args[9] .. ':' .. day .. ':' .. codes, args[10], args[11])
  return {0, left}
end
