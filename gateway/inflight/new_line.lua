-- Voids the line that an older copy brought back: the numbers minted after the copy would be given a second time.
-- FLAGS allow-oom
-- KEYS door
-- Returns {}

-- Places lie in hashes named by the first four hexadecimal digits of a proof, so all names there can be are known.
local PLACES, AT_ONCE = 65536, 1024

local function new_line(keys)
  local tag = tag_of(keys)
  -- Without an epoch the next call of a gateway begins one.
  redis.call('HDEL', keys[1], 'epoch', 'm0', 'c0', 'f0', 'm1', 'c1', 'f1', 'came', 'called', 'credit')
  redis.call('DEL', tag .. 'calls0', tag .. 'calls1', tag .. 'spent0', tag .. 'spent1', tag .. 'exchanged')
  for first = 0, PLACES - 1, AT_ONCE do
    local names = {}
    for at = first, first + AT_ONCE - 1 do
      names[#names + 1] = tag .. 'places:' .. string.format('%04x', at)
    end
    redis.call('UNLINK', unpack(names))
  end
  return {}
end
