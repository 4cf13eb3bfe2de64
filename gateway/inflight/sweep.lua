-- Does for a worker what a tick does for a gateway, but leaves the service clock alone: it runs only while
-- gateways serve.
-- FLAGS allow-oom
-- KEYS door
-- ARGV kept_ms
-- Returns {lapsed}

local function sweep(keys, args)
  local wall, svc = read_clock(keys[1])
  return {lapse_due(tag_of(keys), wall, svc, args.kept_ms)}
end
