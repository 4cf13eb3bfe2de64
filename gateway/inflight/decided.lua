-- Queues the notice of a decision, and lets the person apply again when it was a refusal.
-- KEYS door
-- ARGV id person forget_person job_id payload job_ttl_ms
-- Returns {0}

local function decided(keys, args)
  local tag = tag_of(keys)
  local person = tag .. 'person:' .. args.person
  if args.forget_person == '1' and redis.call('HGET', person, 'winner') == args.id then
    redis.call('HDEL', person, 'winner', 'proof')
  end
  enqueue(tag, 'sms', args.job_id .. ':notice', args.payload, args.job_ttl_ms)
  return {0}
end
