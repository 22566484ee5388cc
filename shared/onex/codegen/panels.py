"""The form of a panel on a dashboard."""

from collections.abc import Sequence

Panel = tuple[str, str, str, Sequence[tuple[str, str]]]
"""Title, unit, description, and queries with their legends."""
