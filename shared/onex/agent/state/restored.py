"""Progress of a restore."""

from typing import NamedTuple


class Restored(NamedTuple):
    """Progress of one partition. A restore may take hours, but ``reached`` grows as long as it works."""

    reached: int
    left: int
    """Offsets that are still to be read; 0 when only the end of an open transaction is missing."""

    def reason(self, what: str) -> str:
        """Return the complaint of health."""
        return f"restoring {what}: {self.left} offsets left"
