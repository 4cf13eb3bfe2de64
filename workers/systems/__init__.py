"""One client per state system, each behind a small Protocol. They raise only what `errors.py` holds."""
