-- Brings Redis, back from an older copy, up to what the register knows of applications by now. They come in the order
-- of their last steps; `fresh` is one that may have been accepted after the copy.
-- FLAGS allow-oom
-- KEYS door
-- ARGV kept_ms
-- ITEM id person state fresh
-- Returns {new, ended}: acceptances that the copy does not have, and cases in process that ended after it

local IN_PROCESS = {accepted = true, verifying = true, forwarding = true}
-- After these a person may apply again.
local FORGETS = {refused = true, denied = true}

-- The person is known again; the case itself, if it goes on, comes back from the register as any that Redis lost.
local function learn(tag, item)
  local person = tag .. 'person:' .. item.person
  redis.call('ZREM', tag .. 'leases', item.id)
  redis.call('HDEL', person, item.id)
  redis.call('DEL', tag .. 'case:' .. item.id, tag .. 'outbox:' .. item.id)
  if not FORGETS[item.state] then
    redis.call('HSETNX', person, 'winner', item.id)
  end
  redis.call('HINCRBY', tag .. 'door', 'accepted', 1)
end

local function end_stay(tag, item, history, idempotency, wall, kept_ms)
  local case, person = tag .. 'case:' .. item.id, tag .. 'person:' .. item.person
  redis.call('HSET', case, 'state', item.state, 'history', step(history, item.state, wall))
  redis.call('HDEL', case, 'body', 'sealed_phone')
  redis.call('ZREM', tag .. 'active', item.id)
  if redis.call('HGET', person, 'winner') == item.id then
    redis.call('ZREM', tag .. 'slots', item.person)
  end
  retire(tag, item.id, idempotency, kept_ms)
end

local function catch_up(keys, args, items)
  local tag, new, ended = tag_of(keys), 0, 0
  local wall = read_clock(keys[1])
  for _, item in ipairs(items) do
    local person = tag .. 'person:' .. item.person
    local seen = redis.call('HMGET', tag .. 'case:' .. item.id, 'state', 'history', 'idempotency')
    local state, winner = seen[1], redis.call('HGET', person, 'winner')
    local accepted_then = winner == item.id or state and state ~= 'awaiting_phone' and state ~= 'lapsed'
    if not accepted_then and item.fresh == '1' then
      learn(tag, item)
      new = new + 1
    elseif IN_PROCESS[state] and not IN_PROCESS[item.state] then
      end_stay(tag, item, seen[2], seen[3], wall, args.kept_ms)
      ended = ended + 1
    elseif state == 'parked' and IN_PROCESS[item.state] then
      -- It was let in again after the copy; without this record it is missed, and let in once more.
      redis.call('DEL', tag .. 'case:' .. item.id)
    end
    if FORGETS[item.state] and winner == item.id then
      redis.call('HDEL', person, 'winner', 'proof')
    end
  end
  return {new, ended}
end
