-- Codes: what giving a phone and confirming it share.

-- An unconfirmed application lives on until `lease_end`, and the slot that it may share with it.
local function extend_lease(tag, id, case, lease_end, svc)
  redis.call('HSET', tag .. 'case:' .. id, 'lease', int(lease_end))
  redis.call('ZADD', tag .. 'leases', int(lease_end), id)
  redis.call('HSET', tag .. 'person:' .. case.person, id, int(lease_end) .. ':' .. case.proof)
  local held = slot_end(tag, case.person, svc)
  if held and held < lease_end then
    redis.call('ZADD', tag .. 'slots', int(lease_end), case.person)
  end
end

-- How many codes come back, of a number block and of an address: sent and entered, in a hash for each half of the
-- window, so that what is over goes by itself.
local function open_conversion(tag, window_ms, run)
  local half_ms = math.ceil(window_ms / 2)
  local half = math.floor(run / half_ms)
  local key = tag .. 'conversion:'
  return {now = key .. int(half), before = key .. int(half - 1), kept_ms = 2 * half_ms}
end

local function count_in(conversion, what, block, address)
  redis.call('HINCRBY', conversion.now, block .. what, 1)
  redis.call('HINCRBY', conversion.now, address .. what, 1)
  redis.call('PEXPIRE', conversion.now, conversion.kept_ms)
end

local SENT, ENTERED = ':sent', ':entered'

local function comes_back_badly(conversion, key, fewest, least_percent)
  local now = redis.call('HMGET', conversion.now, key .. SENT, key .. ENTERED)
  local before = redis.call('HMGET', conversion.before, key .. SENT, key .. ENTERED)
  local sent = (tonumber(now[1]) or 0) + (tonumber(before[1]) or 0)
  local entered = (tonumber(now[2]) or 0) + (tonumber(before[2]) or 0)
  return sent >= tonumber(fewest) and entered * 100 < least_percent * sent
end
