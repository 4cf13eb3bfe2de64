-- The waiting room: what the verbs share. There is no state per waiting ticket but its place in the person's map;
-- reservations are computed, never counted, and so cannot leak.
--
-- Lane 0 is the line, lane 1 the front row. In a lane numbers up to m are minted, up to c called, and the windows
-- of those below f are over: n > c waits, f <= n <= c is in its turn, n < f is late.

-- Below this share of the called who come, more are called than there are slots.
local SHOW_THRESHOLD = 0.5
-- However few come, at most ten are called for a slot.
local SHOW_FLOOR = 0.1
-- What the share is taken to be before anybody was called, as so many called who all came.
local SHOW_PRIOR = 50
-- Past this many the past counts half, so that the share follows the day.
local SHOW_MEMORY = 2000
-- Calls of one second share one window.
local WINDOW_MS = 1000
-- In which modes the next are called, and in which tickets are given. What is not known here lets nothing happen.
local CALLS = {open = true, line_for_all = true}
local MINTS = {open = true, line_for_all = true, hold = true}
-- A person's place is forgotten a week after the last that was given beside it.
local PLACE_KEPT_MS = 604800000

local ROOM = {'limit', 'm0', 'c0', 'f0', 'm1', 'c1', 'f1', 'came', 'called', 'hold0', 'hold1', 'vmax', 'inlet',
  'second', 'in_second', 'short_of_memory', 'epoch', 'mode'}

-- Everything about the line that changes, read once a call and written once.
local function open_room(door, svc)
  local seen = redis.call('HMGET', door, unpack(ROOM))
  local room = {door = door, epoch = seen[#ROOM - 1], mode = seen[#ROOM] or 'open'}
  for at = 1, #ROOM - 2 do
    room[ROOM[at]] = tonumber(seen[at]) or 0
  end
  for lane = 0, 1 do
    room['f' .. lane] = math.max(room['f' .. lane], 1)
  end
  if room.vmax == 0 then
    -- No gateway has ticked yet and said what the programme's file says.
    room.hold0, room.hold1, room.vmax = 20000, 120000, 1000
  end
  local second = math.floor(svc / 1000)
  if room.second ~= second then
    room.second, room.in_second = second, 0
  end
  return room
end

local function close_room(room)
  redis.call('HSET', room.door, 'm0', int(room.m0), 'c0', int(room.c0), 'f0', int(room.f0), 'm1', int(room.m1),
    'c1', int(room.c1), 'f1', int(room.f1), 'came', int(room.came), 'called', int(room.called),
    'second', int(room.second), 'in_second', int(room.in_second))
end

local function is_spent(tag, lane, n)
  return redis.call('GETBIT', tag .. 'spent' .. lane, n) == 1
end

local function spend(tag, lane, n)
  redis.call('SETBIT', tag .. 'spent' .. lane, n, 1)
end

local function spent_between(tag, lane, first, last)
  if last < first then
    return 0
  end
  return redis.call('BITCOUNT', tag .. 'spent' .. lane, int(first), int(last), 'BIT')
end

-- Slots kept for those who are called and have not come yet.
local function reserved(tag, room, lane)
  local first, last = room['f' .. lane], room['c' .. lane]
  return math.max(last - first + 1, 0) - spent_between(tag, lane, first, last)
end

local function was_anybody_told_to_wait(room)
  return room.m0 + room.m1 > 0
end

local function waiting(room, lane)
  return room['m' .. lane] - room['c' .. lane]
end

-- Ends the windows whose time is over; a command a window, however many did not come.
local function close_windows(tag, room, lane, svc)
  local calls = tag .. 'calls' .. lane
  while true do
    local head = redis.call('LINDEX', calls, 0)
    local last, deadline = string.match(head or '', '^(%d+):(%d+)$')
    if not last or tonumber(deadline) > svc then
      return
    end
    redis.call('LPOP', calls)
    last = tonumber(last)
    if lane == 0 then
      room.came = room.came + spent_between(tag, 0, room.f0, last)
      room.called = room.called + last - room.f0 + 1
      if room.called > SHOW_MEMORY then
        room.came, room.called = math.floor(room.came / 2), math.floor(room.called / 2)
      end
    end
    room['f' .. lane] = last + 1
  end
end

local function open_window(tag, room, lane, count, svc)
  if count <= 0 then
    return
  end
  room['c' .. lane] = room['c' .. lane] + count
  room.in_second = room.in_second + count
  local calls, hold = tag .. 'calls' .. lane, room['hold' .. lane]
  local deadline = svc + hold + WINDOW_MS
  local tail = redis.call('LINDEX', calls, -1)
  local last_deadline = tail and tonumber(string.match(tail, ':(%d+)$'))
  if last_deadline and deadline - last_deadline < WINDOW_MS then
    -- Whoever is called within the same second shares its end, which leaves each at least the whole window.
    redis.call('LSET', calls, -1, int(room['c' .. lane]) .. ':' .. int(last_deadline))
  else
    redis.call('RPUSH', calls, int(room['c' .. lane]) .. ':' .. int(deadline))
  end
end

-- How many more may be called in this second. The inlet counts those who entered without a call as well.
local function calls_left(room)
  local most = room.inlet > 0 and math.min(room.vmax, room.inlet) or room.vmax
  return most - room.in_second
end

-- Calls as many as there are free slots, the front row first, never faster than the room allows.
local function call_next(tag, room, svc, live)
  local open0, open1 = reserved(tag, room, 0), reserved(tag, room, 1)
  local show = (room.came + SHOW_PRIOR) / (room.called + SHOW_PRIOR)
  local overcalling = show < SHOW_THRESHOLD
  local aside = (overcalling and live + open0 + open1 > room.limit) and 0 or open0
  local count = math.min(waiting(room, 1), room.limit - live - open1 - aside, calls_left(room))
  if count > 0 then
    open_window(tag, room, 1, count, svc)
    open1 = open1 + count
  end
  if waiting(room, 1) > 0 then
    return
  end
  local free = room.limit - live - open1
  local wanted = free
  if overcalling and free > 0 then
    wanted = math.ceil(free / math.max(show, SHOW_FLOOR))
  end
  open_window(tag, room, 0, math.min(waiting(room, 0), wanted - open0, calls_left(room)), svc)
end

-- What is due: windows that ended, and the next to call. Any call may do it, and the tick always does. While the
-- programme is closed the called cannot come, so their windows stand still.
local function keep_house(tag, room, svc, live, nobody_new)
  if room.mode ~= 'closed' then
    close_windows(tag, room, 0, svc)
    close_windows(tag, room, 1, svc)
  end
  if CALLS[room.mode] and not nobody_new then
    call_next(tag, room, svc, live)
  end
end

-- Gives those who were called and have not come a whole window again.
local function renew_windows(tag, room, svc)
  for lane = 0, 1 do
    local calls, last = tag .. 'calls' .. lane, room['c' .. lane]
    redis.call('DEL', calls)
    if last >= room['f' .. lane] then
      redis.call('RPUSH', calls, int(last) .. ':' .. int(svc + room['hold' .. lane] + WINDOW_MS))
    end
  end
end

-- After a slot came free, outside of the gateways' own calls.
local function call_into_freed_slots(tag, door, svc)
  local room = open_room(door, svc)
  if waiting(room, 0) + waiting(room, 1) > 0 then
    -- A tenth of a slot for those who come back from parking; a hundred of them are not saved up.
    local credit = (tonumber(redis.call('HGET', door, 'credit')) or 0) + 1
    redis.call('HSET', door, 'credit', math.min(credit, 100))
    local down = tonumber(redis.call('HGET', door, 'sms_down_ms')) or 0
    keep_house(tag, room, svc, live_count(tag, svc), down > 0)
    close_room(room)
  end
end

-- A person's place, found again by IIN and IBAN together: small hashes cost a third of one key each.
local function place_key(tag, proof)
  return tag .. 'places:' .. string.sub(proof, 1, 4), string.sub(proof, 5)
end

local function find_place(tag, proof)
  local key, field = place_key(tag, proof)
  local lane, n, again = string.match(redis.call('HGET', key, field) or '', '^(%d):(%d+):(%d)$')
  if lane then
    return {lane = tonumber(lane), n = tonumber(n), again = tonumber(again)}
  end
  return nil
end

local function keep_place(tag, proof, place)
  local key, field = place_key(tag, proof)
  redis.call('HSET', key, field, place.lane .. ':' .. int(place.n) .. ':' .. place.again)
  redis.call('PEXPIRE', key, PLACE_KEPT_MS)
end

-- Only the place that was claimed: who came with another ticket may have one under these data as well.
local function forget_place(tag, proof, claimed)
  local known = find_place(tag, proof)
  if known and known.lane == claimed.lane and known.n == claimed.n then
    local key, field = place_key(tag, proof)
    redis.call('HDEL', key, field)
  end
end

local function mint(room, lane, again)
  room['m' .. lane] = room['m' .. lane] + 1
  return {lane = lane, n = room['m' .. lane], again = again}
end

-- The front-row ticket that a missed one was exchanged for; the same however often it is asked for.
local function exchange(tag, room, place, again)
  spend(tag, place.lane, place.n)
  local new = mint(room, 1, again)
  redis.call('HSET', tag .. 'exchanged', place.lane .. ':' .. int(place.n), int(new.n) .. ':' .. again)
  return new
end

local function exchanged(tag, place)
  local known = redis.call('HGET', tag .. 'exchanged', place.lane .. ':' .. int(place.n))
  local n, again = string.match(known or '', '^(%d+):(%d)$')
  if n then
    return {lane = 1, n = tonumber(n), again = tonumber(again)}
  end
  return nil
end

local function position(room, place)
  local before = place.lane == 0 and waiting(room, 1) or 0
  return math.max(place.n - room['c' .. place.lane], 0) + before
end

local CLAIM_SLOT, CLAIM_WAIT, CLAIM_INVALID, CLAIM_EARLY, CLAIM_MISSED, CLAIM_CLOSED = 0, 3, 5, 6, 7, 9

-- Where no tickets are given, whoever would wait with another keeps the one there is.
local function wait_on(tag, room, place, again)
  if MINTS[room.mode] then
    return {CLAIM_WAIT, exchange(tag, room, place, again)}
  end
  return {CLAIM_CLOSED}
end

-- What a ticket is worth now: {CLAIM_SLOT}, {CLAIM_WAIT, place}, {CLAIM_INVALID}, {CLAIM_EARLY}, {CLAIM_MISSED} or
-- {CLAIM_CLOSED}. The slot itself is taken by the caller. `takes_nothing`: the person has a slot or has applied.
local function claim(tag, room, place, live, takes_nothing, may_enter)
  local lane, n = place.lane, place.n
  if n > room['m' .. lane] then
    return {CLAIM_INVALID}
  elseif n > room['c' .. lane] then
    return {CLAIM_EARLY}
  elseif is_spent(tag, lane, n) then
    local new = exchanged(tag, place)
    return new and {CLAIM_WAIT, new} or takes_nothing and {CLAIM_SLOT} or {CLAIM_INVALID}
  elseif room.mode == 'closed' then
    return {CLAIM_CLOSED}
  end
  local kept_for_front = lane == 0 and reserved(tag, room, 1) or 0
  local room_for_one = may_enter and (takes_nothing or live + kept_for_front < room.limit)
  if n >= room['f' .. lane] then
    if room_for_one then
      spend(tag, lane, n)
      return {CLAIM_SLOT}
    end
    return wait_on(tag, room, place, 1)
  elseif lane == 1 and place.again == 0 then
    return {CLAIM_MISSED}
  elseif room_for_one and waiting(room, 1) == 0 and live + reserved(tag, room, 0) + kept_for_front < room.limit then
    spend(tag, lane, n)
    return {CLAIM_SLOT}
  end
  return wait_on(tag, room, place, 0)
end
