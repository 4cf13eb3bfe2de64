"""The operators' process and command line: what they see and what they may change."""
