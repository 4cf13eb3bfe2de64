"""Stand-ins of the state systems: real HTTP servers with fault knobs, in one process (README.md)."""
