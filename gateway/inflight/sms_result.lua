-- Notes whether the SMS provider took a message. When it takes none for a while, nobody new is let in and
-- unconfirmed leases stand still; the note runs out by itself, so that the next message tries again.
-- FLAGS allow-oom
-- KEYS door
-- ARGV accepted down_ms failures_before_down
-- Returns {failures}

local function sms_result(keys, args)
  if args.accepted == '1' then
    redis.call('HSET', keys[1], 'sms_failures', 0, 'sms_down_ms', 0)
    return {0}
  end
  local failures = redis.call('HINCRBY', keys[1], 'sms_failures', 1)
  if failures >= tonumber(args.failures_before_down) then
    redis.call('HSET', keys[1], 'sms_down_ms', args.down_ms)
  end
  return {failures}
end
