-- Counts one code against what a phone may get.
-- KEYS door
-- ARGV phone_hash phone_limit
-- Returns {0} counted · {1} the phone has had its codes

local function spend_code(keys, args)
  local tag = tag_of(keys)
  local _, _, run = read_clock(keys[1])
  local asked = ask_limit(tag, 'phone', args.phone_hash, read_limit(args.phone_limit), run)
  if refuses(asked) then
    return {1}
  end
  charge(tag, asked)
  return {0}
end
