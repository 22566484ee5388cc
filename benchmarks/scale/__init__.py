"""More instances of one node."""
