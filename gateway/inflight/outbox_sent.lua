-- Deletes the message of a code once it is sent, unless a newer one has taken its place.
-- FLAGS allow-oom
-- KEYS door
-- ARGV id message
-- Returns {0} deleted · {1} there is a newer one, or none

local function outbox_sent(keys, args)
  local outbox = tag_of(keys) .. 'outbox:' .. args.id
  if redis.call('GET', outbox) == args.message then
    redis.call('DEL', outbox)
    return {0}
  end
  return {1}
end
