"""The oracle can fail: the system is broken on purpose, in one way after another, and each is noticed."""
