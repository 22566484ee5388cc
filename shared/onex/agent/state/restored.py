"""How far a restore is."""

from typing import NamedTuple


class Restored(NamedTuple):
    """Of one partition. A restore may take hours, but ``reached`` grows while it is well."""

    reached: int
    left: int
    """Offsets still to read; 0 when only the end of an open transaction is missing."""

    def reason(self, what: str) -> str:
        """What health says about it."""
        return f"restoring {what}: {self.left} offsets left"
