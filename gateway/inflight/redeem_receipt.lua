-- Checks the code that was sent for a lost receipt; a right one counts for one call only.
-- KEYS door
-- ARGV request code_hash tries day_offset_ms call
-- Returns {0} right · {3, attempts_left} wrong · {4, retry_after_ms} locked · {5} too old, used, or never asked for

local function redeem_receipt(keys, args)
  local tag = tag_of(keys)
  local wall, svc = serve_clock(keys[1])
  local day, tries = day_of(wall, args[4]), tonumber(args[3])
  local request = tag .. 'lost:' .. args[1]
  local wrong = count_today(request, 'wrong', day)
  local seen = redis.call('HMGET', request, 'code', 'ends', 'redeemed_by')
  if seen[3] == args[5] then
    return {0} -- The same call sent again after a broken connection.
  elseif wrong >= tries then
    return {4, math.max(day_end(day, args[4]) - wall, 1)}
  elseif not seen[1] or tonumber(seen[2]) <= svc then
    return {5}
  elseif seen[1] ~= args[2] then
    local codes = count_today(request, 'codes', day)
    redis.call('HSET', request, 'day', day, 'wrong', wrong + 1, 'codes', codes)
    return {3, tries - wrong - 1}
  end
  redis.call('HDEL', request, 'code', 'ends', 'message')
  redis.call('HSET', request, 'redeemed_by', args[5])
  return {0}
end
