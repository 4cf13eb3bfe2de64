-- Lets applications in, gives them a place in the line, or says why not. Tickets come before newcomers; every
-- item is decided before its first write and fails alone.
-- KEYS door
-- ARGV limit_seed lease_before_phone_ms unconfirmed_share_percent candidates address_limit person_limit
-- ITEM id address person proof receipt_hash body idempotency digest sealed_receipt lane number again epoch trace
-- Returns one list an item:
--   {0, expires_at_ms}                            admitted
--   {1, id, sealed_receipt, expires_at_ms}        the same idempotency key and body before: the same answer
--   {2}                                           the key was used with another body
--   {3, lane, number, again, position, epoch}     full: the place in the line
--   {4, retry_after_ms}                           as many candidates as a person may have
--   {5} {6, position} {7}                         the ticket is invalid · not called yet · missed twice
--   {8, limit, retry_after_ms}                    too many from this address, or of this person
--   {9}                                           the programme is closed for now; a place in the line is kept
-- or, while Redis is short of memory, the error that Redis itself has for that

-- What is known of a person: candidates whose lease has not ended and the earliest end, the winner, whether one of
-- them proved the same IBAN, and whether this very call was made before.
local function read_person(tag, item, svc)
  local fields = redis.call('HGETALL', tag .. 'person:' .. item.person)
  local seen = {count = 0, proven = false, sent_before = false}
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'winner' then
      seen.winner = value
    elseif name == 'proof' then
      seen.proven = seen.proven or value == item.proof
    else
      local lease_end, known = string.match(value, '^(%d+):(%w+)$')
      lease_end = tonumber(lease_end)
      seen.sent_before = seen.sent_before or name == item.id
      if lease_end > svc then
        seen.count = seen.count + 1
        seen.earliest = math.min(seen.earliest or lease_end, lease_end)
        seen.proven = seen.proven or known == item.proof
      end
    end
  end
  return seen
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

local function write(tag, door, item)
  redis.call('HSET', tag .. 'case:' .. item.id, 'v', 1, 'state', 'awaiting_phone', 'person', item.person,
    'receipt', item.receipt_hash, 'body', item.body, 'idempotency', item.idempotency, 'lease', door.lease_end_text,
    'expires', door.expires_text, 'proof', item.proof, 'history', door.history)
  if item.trace ~= '' then
    redis.call('HSET', tag .. 'case:' .. item.id, 'trace', item.trace)
  end
  redis.call('HSET', tag .. 'person:' .. item.person, item.id, door.lease_end_text .. ':' .. item.proof)
  table.insert(door.leases, door.lease_end_text)
  table.insert(door.leases, item.id)
  if item.idempotency ~= '' then
    redis.call('HSET', tag .. 'idem:' .. item.idempotency, 'id', item.id, 'digest', item.digest,
      'sealed_receipt', item.sealed_receipt, 'expires', door.expires_text)
  end
end

-- The slots and leases of a call are written together at its end; a person's second item finds the first in `taken`.
local function enter(tag, door, item, held, takes_nothing)
  if not takes_nothing then
    door.live = door.live + 1
    door.unconfirmed = door.unconfirmed + 1
  end
  if not takes_nothing or (held and held < door.lease_end) then
    door.taken[item.person] = door.lease_end
    table.insert(door.slots, door.lease_end_text)
    table.insert(door.slots, item.person)
  end
  write(tag, door, item)
  return {0, door.expires}
end

local function close_door(tag, door)
  if #door.slots > 0 then
    redis.call('ZADD', tag .. 'slots', unpack(door.slots))
  end
  if #door.leases > 0 then
    redis.call('ZADD', tag .. 'leases', unpack(door.leases))
  end
  close_room(door.room)
  close_limit(door.addresses)
  close_limit(door.persons)
  note_high(tag, door.live)
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
  elseif worth[1] == CLAIM_CLOSED or not MINTS[room.mode] and (worth[1] == CLAIM_WAIT or worth[1] == CLAIM_EARLY) then
    return {CLAIM_CLOSED}
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

local function is_free(tag, door)
  local room = door.room
  if room.mode ~= 'open' or waiting(room, 0) + waiting(room, 1) > 0 or not door.may_enter(door) then
    return false
  end
  local spoken_for = reserved(tag, room, 0) + reserved(tag, room, 1)
  return door.live + spoken_for < room.limit and (room.inlet == 0 or room.in_second < room.inlet)
end

local function newcomer(tag, door, item, who)
  local room = door.room
  -- Whoever has a slot or has applied takes nothing. When the door is full only the same person, shown by the
  -- same IBAN, is let through: otherwise an answer would tell a stranger who has applied.
  if (who.takes_nothing and who.proven) or is_free(tag, door) then
    room.in_second = room.in_second + (who.takes_nothing and 0 or 1)
    return enter(tag, door, item, who.held, who.takes_nothing)
  elseif not MINTS[room.mode] then
    return {CLAIM_CLOSED}
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

local function decide(tag, door, item, person)
  local place = place_of(item, door.room)
  if place == false then
    return {5}
  end
  if person.count >= door.candidates then
    return {4, math.max(person.earliest - door.svc, 1)}
  end
  -- A slot lasts as long as the longest lease of its candidates, or belongs to the winner.
  local may_hold = person.count > 0 or person.winner
  local held = may_hold and (door.taken[item.person] or slot_end(tag, item.person, door.svc))
  local who = {held = held, takes_nothing = held or person.winner, proven = person.proven}
  place = place or was_anybody_told_to_wait(door.room) and find_place(tag, item.proof)
  return place and claim_place(tag, door, item, place, who) or newcomer(tag, door, item, who)
end

-- Nothing is counted of what a limit refuses, so that hammering at it makes nobody wait longer. A repeat counts
-- against its address only: it asks nothing of the person.
local function admit_one(tag, door, item)
  local person = read_person(tag, item, door.svc)
  local before = person.sent_before and sent_again(tag, item)
  if before then
    return before
  end
  if refuses(door.addresses, item.address) then
    return {8, 'address', wait_ms(door.addresses, item.address)}
  end
  before = repeated(tag, item)
  if not before then
    if refuses(door.persons, item.person) then
      return {8, 'person', wait_ms(door.persons, item.person)}
    end
    charge(door.persons, item.person)
  end
  charge(door.addresses, item.address)
  return before or decide(tag, door, item, person)
end

local function may_enter(door)
  return door.unconfirmed < door.share and not door.sms_down
end

local function open_limits(tag, args, items, run)
  local addresses = open_limit(tag, 'address', args.address_limit, run)
  local persons = open_limit(tag, 'person', args.person_limit, run)
  local from, who = {}, {}
  for at, item in ipairs(items) do
    from[at], who[at] = item.address, item.person
  end
  read_limit(addresses, from)
  read_limit(persons, who)
  return addresses, persons
end

local function open_door(keys, args, items, tag)
  local wall, svc, sms_down_ms, run = serve_clock(keys[1])
  limit_of(keys[1], args.limit_seed)
  begin_epoch(keys[1])
  steer(tag, args)
  local lease_ms, share_percent = args.lease_before_phone_ms, tonumber(args.unconfirmed_share_percent)
  -- All that enter with one call enter at one moment.
  local lease_end, expires = svc + lease_ms, wall + lease_ms
  local door = {
    svc = svc, room = open_room(keys[1], svc), candidates = tonumber(args.candidates), sms_down = sms_down_ms > 0,
    live = live_count(tag, svc), unconfirmed = 0, share = math.huge, may_enter = may_enter,
    lease_end = lease_end, lease_end_text = int(lease_end), expires = expires, expires_text = int(expires),
    history = step(nil, 'awaiting_phone', wall), slots = {}, leases = {}, taken = {},
  }
  door.addresses, door.persons = open_limits(tag, args, items, run)
  if share_percent < 100 then
    door.share = math.floor(door.room.limit * share_percent / 100)
    door.unconfirmed = unconfirmed_count(tag, svc)
  end
  return door
end

local function admit(keys, args, items)
  local tag, answers = tag_of(keys), {}
  local door = open_door(keys, args, items, tag)
  if door.room.short_of_memory == 1 then
    return redis.error_reply('OOM what memory is left is for those who are in')
  end
  keep_house(tag, door.room, door.svc, door.live, not may_enter(door))
  for _, with_ticket in ipairs({true, false}) do
    for at, item in ipairs(items) do
      if (item.lane ~= '') == with_ticket then
        answers[at] = admit_one(tag, door, item)
      end
    end
  end
  close_door(tag, door)
  return answers
end
