-- Queues an accepted case's job again if nothing of it is left, for the record is the truth and a job only a hint.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id job_id payload job_ttl_ms
-- Returns {0} queued again · {1} there is a live job · {2} the case is over, and its traces are gone

local function requeue(keys, args)
  local tag, id, job = tag_of(keys), args.id, args.job_id
  local seen = redis.call('HMGET', tag .. 'case:' .. id, 'state', 'person')
  local state, person = seen[1], seen[2]
  if state ~= 'accepted' and state ~= 'verifying' and state ~= 'forwarding' then
    redis.call('ZREM', tag .. 'active', id)
    if person and redis.call('HGET', tag .. 'person:' .. person, 'winner') == id then
      redis.call('ZREM', tag .. 'slots', person)
    end
    return {2}
  end
  local running = redis.call('EXISTS', 'arq:in-progress:' .. job) == 1
  local queued = redis.call('EXISTS', 'arq:job:' .. job) == 1 and redis.call('ZSCORE', tag .. 'cases', job)
  redis.call('ZADD', tag .. 'active', int(read_clock(keys[1])), id)
  if running or queued then
    return {1}
  end
  redis.call('DEL', 'arq:job:' .. job, 'arq:retry:' .. job)
  redis.call('ZREM', tag .. 'cases', job)
  enqueue(tag, 'cases', job, args.payload, args.job_ttl_ms)
  return {0}
end
