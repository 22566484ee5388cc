"""Slow calls beyond the partition count."""
