"""Deterministic simulation: the whole engine under one seeded scheduler, after FoundationDB and TigerBeetle."""
