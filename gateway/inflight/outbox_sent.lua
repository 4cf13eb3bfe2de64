-- Deletes the message of a code once it is sent, unless a newer one has taken its place, and notes who carried it.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id message carrier
-- Returns {0} deleted · {1} there is a newer one, or none

local function outbox_sent(keys, args)
  local tag = tag_of(keys)
  local outbox, case = tag .. 'outbox:' .. args.id, tag .. 'case:' .. args.id
  if redis.call('GET', outbox) ~= args.message then
    return {1}
  end
  redis.call('DEL', outbox)
  if args.carrier ~= '' and redis.call('EXISTS', case) == 1 then
    local slot = int(math.floor(time_ms() / CARRIED_SLOT_MS))
    redis.call('HSET', case, 'carrier', args.carrier .. ' ' .. slot)
    count_carried(tag, slot, args.carrier .. ':sent')
  end
  return {0}
end
