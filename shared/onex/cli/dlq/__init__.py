"""``onex dlq``: dead letters."""
