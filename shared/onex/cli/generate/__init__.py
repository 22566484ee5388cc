"""``onex generate``: from a contract to a node."""
