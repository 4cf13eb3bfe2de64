"""Applications in flight: slots, limits and sealed records, all that lives in Redis."""
