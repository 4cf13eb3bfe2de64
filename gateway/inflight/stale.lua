-- Lists accepted cases that nothing has touched for a while, oldest first.
-- KEYS door
-- ARGV untouched_ms most
-- Returns ids

local function stale(keys, args)
  local wall = read_clock(keys[1])
  return redis.call('ZRANGEBYSCORE', tag_of(keys) .. 'active', '-inf', int(wall - args.untouched_ms), 'LIMIT', 0, args.most)
end
