-- Lets applications in, or says why not. Every item is decided before its first write and fails alone.
-- KEYS door
-- ARGV limit_seed lease_ms share_percent candidates
-- ITEM id person proof receipt_hash body idempotency digest sealed_receipt
-- Returns one list an item:
--   {0, expires_at_ms}                      admitted
--   {1, id, sealed_receipt, expires_at_ms}  the same idempotency key and body before: the same answer
--   {2}                                     the key was used with another body
--   {3}                                     full
--   {4, retry_after_ms}                     as many candidates as a person may have

local ARGS, STRIDE = 4, 8

-- Candidates of a person whose lease has not ended, the earliest end, and whether one proved the same IBAN.
local function candidates_of(tag, person, proof, svc)
  local fields = redis.call('HGETALL', tag .. 'person:' .. person)
  local count, earliest, winner, proven = 0, nil, nil, false
  for i = 1, #fields, 2 do
    if fields[i] == 'winner' then
      winner = fields[i + 1]
    elseif fields[i] == 'proof' then
      proven = proven or fields[i + 1] == proof
    else
      local lease_end, known = string.match(fields[i + 1], '^(%d+):(%w+)$')
      lease_end = tonumber(lease_end)
      if lease_end > svc then
        count = count + 1
        earliest = math.min(earliest or lease_end, lease_end)
        proven = proven or known == proof
      end
    end
  end
  return count, earliest, winner, proven
end

local function repeated(tag, item)
  if item.idempotency ~= '' then
    local known = redis.call('HMGET', tag .. 'idem:' .. item.idempotency, 'id', 'digest', 'sealed_receipt', 'expires')
    if known[1] and known[2] == item.digest then
      return {1, known[1], known[3], tonumber(known[4])}
    elseif known[1] then
      return {2}
    end
  end
  -- The same call sent again after a broken connection.
  local known = redis.call('HMGET', tag .. 'case:' .. item.id, 'receipt', 'expires')
  if known[1] == item.receipt then
    return {0, tonumber(known[2])}
  end
  return nil
end

local function write(tag, item, wall, lease_end, expires)
  redis.call('HSET', tag .. 'case:' .. item.id, 'v', 1, 'state', 'awaiting_phone', 'person', item.person,
    'receipt', item.receipt, 'body', item.body, 'idempotency', item.idempotency, 'lease', int(lease_end),
    'expires', int(expires), 'proof', item.proof, 'history', step(nil, 'awaiting_phone', wall))
  redis.call('ZADD', tag .. 'leases', int(lease_end), item.id)
  redis.call('HSET', tag .. 'person:' .. item.person, item.id, int(lease_end) .. ':' .. item.proof)
  if item.idempotency ~= '' then
    redis.call('HSET', tag .. 'idem:' .. item.idempotency, 'id', item.id, 'digest', item.digest,
      'sealed_receipt', item.sealed_receipt, 'expires', int(expires))
  end
end

local function admit_one(tag, door, item)
  local before = repeated(tag, item)
  if before then
    return before
  end
  local count, earliest, winner, proven = candidates_of(tag, item.person, item.proof, door.svc)
  if count >= door.candidates then
    return {4, math.max(earliest - door.svc, 1)}
  end
  local room = door.live < door.limit and door.unconfirmed < door.share and not door.sms_down
  local held = slot_end(tag, item.person, door.svc)
  -- Whoever has a slot or has applied takes nothing. When the door is full only the same person, shown by the
  -- same IBAN, is let through: otherwise an answer would tell a stranger who has applied.
  local takes_nothing = held or winner
  if not room and not (takes_nothing and proven) then
    return {3}
  end
  local lease_end = door.svc + door.lease_ms
  local expires = door.wall + door.lease_ms
  if not takes_nothing then
    take_slot(tag, item.person, lease_end, door.live)
    door.live = door.live + 1
    door.unconfirmed = door.unconfirmed + 1
  elseif held and held < lease_end then
    redis.call('ZADD', tag .. 'slots', int(lease_end), item.person)
  end
  write(tag, item, door.wall, lease_end, expires)
  return {0, expires}
end

local function admit(keys, args)
  local tag = tag_of(keys)
  local wall, svc, sms_down_ms = serve_clock(keys[1])
  local limit = limit_of(keys[1], args[1])
  local share_percent = tonumber(args[3])
  local door = {
    wall = wall, svc = svc, limit = limit, lease_ms = tonumber(args[2]), candidates = tonumber(args[4]),
    sms_down = sms_down_ms > 0, live = live_count(tag, svc), unconfirmed = 0, share = math.huge,
  }
  if share_percent < 100 then
    door.share = math.floor(limit * share_percent / 100)
    door.unconfirmed = redis.call('ZCOUNT', tag .. 'slots', '(' .. int(svc), '(' .. int(NEVER))
  end
  local answers = {}
  for at = ARGS, #args - 1, STRIDE do
    answers[#answers + 1] = admit_one(tag, door, {
      id = args[at + 1], person = args[at + 2], proof = args[at + 3], receipt = args[at + 4],
      body = args[at + 5], idempotency = args[at + 6], digest = args[at + 7], sealed_receipt = args[at + 8],
    })
  end
  return answers
end
