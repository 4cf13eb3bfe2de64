"""What must hold in every run, whatever its profile: a file a rule, each a pure function of the books."""
