"""The operators' command line: what they see and what they may change."""
