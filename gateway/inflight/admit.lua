-- Lets applications in, gives them a place in the line, or says why not. Tickets come before newcomers; every
-- item is decided before its first write and fails alone.
-- KEYS door
-- ARGV limit_seed lease_ms share_percent candidates
-- ITEM id person proof receipt_hash body idempotency digest sealed_receipt lane number again epoch
-- Returns one list an item:
--   {0, expires_at_ms}                            admitted
--   {1, id, sealed_receipt, expires_at_ms}        the same idempotency key and body before: the same answer
--   {2}                                           the key was used with another body
--   {3, lane, number, again, position, epoch}     full: the place in the line
--   {4, retry_after_ms}                           as many candidates as a person may have
--   {5} {6, position} {7}                         the ticket is invalid · not called yet · missed twice

local ARGS, STRIDE = 4, 12

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

local function enter(tag, door, item, held, takes_nothing)
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

local function wait(tag, room, item, place)
  keep_place(tag, item.proof, place)
  return {3, place.lane, place.n, place.again, position(room, place), room.epoch}
end

-- Somebody with a place in the line: with the ticket, or found again by IIN and IBAN.
local function claim_place(tag, door, item, place, who)
  local room = door.room
  local worth = claim(tag, room, place, door.live, who.takes_nothing, door.may_enter(door))
  if worth[1] == CLAIM_SLOT then
    forget_place(tag, item.proof, place)
    return enter(tag, door, item, who.held, who.takes_nothing)
  elseif worth[1] == CLAIM_WAIT then
    return wait(tag, room, item, worth[2])
  elseif worth[1] == CLAIM_EARLY and item.lane == '' then
    return wait(tag, room, item, place)
  elseif worth[1] == CLAIM_EARLY then
    return {6, position(room, place)}
  end
  forget_place(tag, item.proof, place)
  if item.lane == '' then
    return nil -- The place found is worth nothing any more: a newcomer.
  end
  return {worth[1]}
end

local function newcomer(tag, door, item, who)
  local room = door.room
  local spoken_for = reserved(tag, room, 0) + reserved(tag, room, 1)
  local nobody_waits = waiting(room, 0) == 0 and waiting(room, 1) == 0
  local free = nobody_waits and door.live + spoken_for < room.limit and door.may_enter(door)
  -- Whoever has a slot or has applied takes nothing. When the door is full only the same person, shown by the
  -- same IBAN, is let through: otherwise an answer would tell a stranger who has applied.
  if free or (who.takes_nothing and who.proven) then
    return enter(tag, door, item, who.held, who.takes_nothing)
  end
  return wait(tag, room, item, mint(room, 0, 0))
end

local function admit_one(tag, door, item)
  local before = repeated(tag, item)
  if before then
    return before
  end
  local place = nil
  if item.lane ~= '' then
    if item.epoch ~= door.room.epoch then
      return {5}
    end
    place = {lane = tonumber(item.lane), n = tonumber(item.number), again = tonumber(item.again)}
  end
  local count, earliest, winner, proven = candidates_of(tag, item.person, item.proof, door.svc)
  if count >= door.candidates then
    return {4, math.max(earliest - door.svc, 1)}
  end
  local held = slot_end(tag, item.person, door.svc)
  local who = {held = held, takes_nothing = held or winner, proven = proven}
  place = place or find_place(tag, item.proof)
  return place and claim_place(tag, door, item, place, who) or newcomer(tag, door, item, who)
end

local function may_enter(door)
  return door.unconfirmed < door.share and not door.sms_down
end

local function read_items(args)
  local items = {}
  for at = ARGS, #args - 1, STRIDE do
    items[#items + 1] = {
      id = args[at + 1], person = args[at + 2], proof = args[at + 3], receipt = args[at + 4],
      body = args[at + 5], idempotency = args[at + 6], digest = args[at + 7], sealed_receipt = args[at + 8],
      lane = args[at + 9], number = args[at + 10], again = args[at + 11], epoch = args[at + 12],
    }
  end
  return items
end

local function open_door(keys, args, tag)
  local wall, svc, sms_down_ms = serve_clock(keys[1])
  limit_of(keys[1], args[1])
  begin_epoch(keys[1])
  local share_percent = tonumber(args[3])
  local door = {
    wall = wall, svc = svc, room = open_room(keys[1]), lease_ms = tonumber(args[2]),
    candidates = tonumber(args[4]), sms_down = sms_down_ms > 0, live = live_count(tag, svc), unconfirmed = 0,
    share = math.huge, may_enter = may_enter,
  }
  if share_percent < 100 then
    door.share = math.floor(door.room.limit * share_percent / 100)
    door.unconfirmed = unconfirmed_count(tag, svc)
  end
  return door
end

local function admit(keys, args)
  local tag = tag_of(keys)
  local door = open_door(keys, args, tag)
  keep_house(tag, door.room, door.svc, door.live, not may_enter(door))
  local items, answers = read_items(args), {}
  for _, with_ticket in ipairs({true, false}) do
    for at, item in ipairs(items) do
      if (item.lane ~= '') == with_ticket then
        answers[at] = admit_one(tag, door, item)
      end
    end
  end
  close_room(door.room)
  return answers
end
