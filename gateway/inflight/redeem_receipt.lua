-- Checks the code that was sent for a lost receipt; a right one counts for one call only.
-- KEYS door
-- ARGV request code_hash tries day_offset_ms call
-- Returns {0} right · {3, attempts_left} wrong · {4, retry_after_ms} locked · {5} too old, used, or never asked for

local function redeem_receipt(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  local day, tries = day_of(wall, args.day_offset_ms), tonumber(args.tries)
  local request = tag .. 'lost:' .. args.request
  local wrong = count_today(request, 'wrong', day)
  local seen = redis.call('HMGET', request, 'code', 'ends', 'redeemed_by')
  if seen[3] == args.call then
    return {0} -- The same call sent again after a broken connection.
  elseif wrong >= tries then
    return {4, math.max(day_end(day, args.day_offset_ms) - wall, 1)}
  elseif not seen[1] or tonumber(seen[2]) <= svc then
    return {5}
  elseif seen[1] ~= args.code_hash then
    redis.call('HSET', request, 'day', day, 'wrong', wrong + 1)
    return {3, tries - wrong - 1}
  end
  redis.call('HDEL', request, 'code', 'ends', 'message')
  redis.call('HSET', request, 'redeemed_by', args.call)
  return {0}
end
