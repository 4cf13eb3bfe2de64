-- Queues the notice of a decision, and lets the person apply again when it was a refusal.
-- KEYS door
-- ARGV id person forget_person job_id payload job_ttl_ms
-- Returns {0}

local function decided(keys, args)
  local tag = tag_of(keys)
  local person = tag .. 'person:' .. args[2]
  if args[3] == '1' and redis.call('HGET', person, 'winner') == args[1] then
    redis.call('HDEL', person, 'winner', 'proof')
  end
  enqueue(tag, 'sms', args[4] .. ':notice', args[5], args[6])
  return {0}
end
