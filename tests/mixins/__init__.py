"""Capabilities: engines alone, then composed."""
