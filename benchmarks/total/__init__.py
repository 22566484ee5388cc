"""Keyed state with a changelog."""
