-- Counts one code against what a phone may get.
-- KEYS door
-- ARGV phone_hash phone_limit
-- Returns {0} counted · {1} the phone has had its codes

local function spend_code(keys, args)
  local tag = tag_of(keys)
  local _, _, run = read_clock(keys[1])
  steer(tag, args)
  local phones = open_limit(tag, 'phone', args.phone_limit, run)
  read_limit(phones, {args.phone_hash})
  if refuses(phones, args.phone_hash) then
    return {1}
  end
  charge(phones, args.phone_hash)
  close_limit(phones)
  return {0}
end
