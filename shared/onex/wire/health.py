"""Words in the health report of an agent by which tools recognise a complaint."""

BLOCKED = "blocked "
"""Prefix of complaints about partitions that cannot continue until an operator decides."""
