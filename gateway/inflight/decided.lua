-- Queues the notice of a decision, and lets the person apply again when it was a refusal.
-- KEYS door
-- ARGV id person forget_person job_id payload job_ttl_ms
-- Returns {0}

-- A phone that was in doubt is as good as any other again.
local function forget_contested(tag, person, id)
  local contested = tag .. 'contested:' .. person
  local seen = redis.call('HGETALL', contested)
  for at = 1, #seen, 2 do
    if seen[at + 1] == id then
      redis.call('HDEL', contested, seen[at])
    end
  end
end

local function decided(keys, args)
  local tag = tag_of(keys)
  local person = tag .. 'person:' .. args.person
  if args.forget_person == '1' then
    if redis.call('HGET', person, 'winner') == args.id then
      redis.call('HDEL', person, 'winner', 'proof')
    end
    forget_contested(tag, args.person, args.id)
  end
  enqueue(tag, 'sms', args.job_id .. ':notice', args.payload, args.job_ttl_ms)
  return {0}
end
