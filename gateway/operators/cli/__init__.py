"""`qabyldau`, the operators' command line: one file a group of commands."""
