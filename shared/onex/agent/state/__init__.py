"""Keyed state: a store per partition, its changelog, its timers, and how it is restored."""
