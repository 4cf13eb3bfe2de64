-- Counts the codes that each SMS provider took within a while, and those of them that came back.
-- FLAGS no-writes
-- KEYS door
-- ARGV youngest_ms oldest_ms
-- ITEM carrier
-- Returns {sent, confirmed} for each item

local function carried(keys, args, items)
  local tag, now, counts = tag_of(keys), time_ms(), {}
  local first = math.floor((now - args.oldest_ms) / CARRIED_SLOT_MS)
  local last = math.floor((now - args.youngest_ms) / CARRIED_SLOT_MS)
  for at, one in ipairs(items) do
    local sent, confirmed = 0, 0
    for slot = first, last do
      local seen = redis.call('HMGET', tag .. 'carried:' .. int(slot), one.carrier .. ':sent', one.carrier .. ':confirmed')
      sent, confirmed = sent + (tonumber(seen[1]) or 0), confirmed + (tonumber(seen[2]) or 0)
    end
    counts[at] = {sent, confirmed}
  end
  return counts
end
