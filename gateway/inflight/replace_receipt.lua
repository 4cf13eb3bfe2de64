-- Gives a case that is still in Redis another receipt.
-- KEYS door
-- ARGV id receipt_hash
-- Returns {0} replaced · {1} no such case here

local function replace_receipt(keys, args)
  local case = tag_of(keys) .. 'case:' .. args.id
  if redis.call('EXISTS', case) == 0 then
    return {1}
  end
  redis.call('HSET', case, 'receipt', args.receipt_hash)
  return {0}
end
