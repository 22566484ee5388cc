"""The command ``onex``."""
