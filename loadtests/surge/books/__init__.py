"""The books of a run, each kept by somebody else: clients, Redis, the register, the state systems."""
