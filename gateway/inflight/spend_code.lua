-- Counts one code against what a phone may get in a day.
-- KEYS door
-- ARGV phone_hash codes_per_day day_offset_ms
-- Returns {0} counted · {1} the phone has had its codes today

local function spend_code(keys, args)
  local phone = tag_of(keys) .. 'phone:' .. args[1]
  local day = day_of(read_clock(keys[1]), args[3])
  local codes = count_today(phone, 'codes', day)
  if codes >= tonumber(args[2]) then
    return {1}
  end
  count_code(phone, day, codes + 1)
  return {0}
end
