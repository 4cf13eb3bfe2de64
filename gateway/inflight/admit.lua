-- Lets applications in, gives them a place in the line, or says why not. Tickets come before newcomers; every
-- item is decided before its first write and fails alone.
-- KEYS door
-- ARGV limit_seed lease_ms share_percent candidates address_limit person_limit
-- ITEM id address person proof receipt_hash body idempotency digest sealed_receipt lane number again epoch
-- Returns one list an item:
--   {0, expires_at_ms}                            admitted
--   {1, id, sealed_receipt, expires_at_ms}        the same idempotency key and body before: the same answer
--   {2}                                           the key was used with another body
--   {3, lane, number, again, position, epoch}     full: the place in the line
--   {4, retry_after_ms}                           as many candidates as a person may have
--   {5} {6, position} {7}                         the ticket is invalid · not called yet · missed twice
--   {8, limit, retry_after_ms}                    too many from this address, or of this person

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

-- The same call sent again after a broken connection: it was counted and answered before.
local function sent_again(tag, item)
  local known = redis.call('HMGET', tag .. 'case:' .. item.id, 'receipt', 'expires')
  return known[1] == item.receipt_hash and {0, tonumber(known[2])} or nil
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
  return nil
end

local function write(tag, item, wall, lease_end, expires)
  redis.call('HSET', tag .. 'case:' .. item.id, 'v', 1, 'state', 'awaiting_phone', 'person', item.person,
    'receipt', item.receipt_hash, 'body', item.body, 'idempotency', item.idempotency, 'lease', int(lease_end),
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
  free = free and (room.inlet == 0 or room.in_second < room.inlet)
  -- Whoever has a slot or has applied takes nothing. When the door is full only the same person, shown by the
  -- same IBAN, is let through: otherwise an answer would tell a stranger who has applied.
  if free or (who.takes_nothing and who.proven) then
    room.in_second = room.in_second + (who.takes_nothing and 0 or 1)
    return enter(tag, door, item, who.held, who.takes_nothing)
  end
  return wait(tag, room, item, mint(room, 0, 0))
end

-- The place that a ticket names, nil without a ticket, or false for a ticket of another line.
local function place_of(item, room)
  if item.lane == '' then
    return nil
  end
  return item.epoch == room.epoch
    and {lane = tonumber(item.lane), n = tonumber(item.number), again = tonumber(item.again)}
end

local function decide(tag, door, item)
  local place = place_of(item, door.room)
  if place == false then
    return {5}
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

-- Nothing is counted of what a limit refuses, so that hammering at it makes nobody wait longer. A repeat counts
-- against its address only: it asks nothing of the person.
local function admit_one(tag, door, item)
  local before = sent_again(tag, item)
  if before then
    return before
  end
  local address = ask_limit(tag, 'address', item.address, door.address_limit, door.run)
  if refuses(address) then
    return {8, 'address', address.wait_ms}
  end
  before = repeated(tag, item)
  if not before then
    local person = ask_limit(tag, 'person', item.person, door.person_limit, door.run)
    if refuses(person) then
      return {8, 'person', person.wait_ms}
    end
    charge(tag, person)
  end
  charge(tag, address)
  return before or decide(tag, door, item)
end

local function may_enter(door)
  return door.unconfirmed < door.share and not door.sms_down
end

local function open_door(keys, args, tag)
  local wall, svc, sms_down_ms, run = serve_clock(keys[1])
  limit_of(keys[1], args.limit_seed)
  begin_epoch(keys[1])
  local share_percent = tonumber(args.share_percent)
  local door = {
    wall = wall, svc = svc, run = run, room = open_room(keys[1], svc), lease_ms = tonumber(args.lease_ms),
    candidates = tonumber(args.candidates), sms_down = sms_down_ms > 0, live = live_count(tag, svc), unconfirmed = 0,
    share = math.huge, may_enter = may_enter, address_limit = read_limit(args.address_limit),
    person_limit = read_limit(args.person_limit),
  }
  if share_percent < 100 then
    door.share = math.floor(door.room.limit * share_percent / 100)
    door.unconfirmed = unconfirmed_count(tag, svc)
  end
  return door
end

local function admit(keys, args, items)
  local tag, answers = tag_of(keys), {}
  local door = open_door(keys, args, tag)
  keep_house(tag, door.room, door.svc, door.live, not may_enter(door))
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
