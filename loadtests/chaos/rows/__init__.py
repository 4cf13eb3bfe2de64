"""One file a row, each with a `ROW`."""
