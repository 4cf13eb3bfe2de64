"""The fault table: what is done to the running system, one row a file, and what came of it."""
