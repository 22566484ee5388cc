"""Real brokers, real processes, random faults from a seed, and a ledger that must come out even."""
