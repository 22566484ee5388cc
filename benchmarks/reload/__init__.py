"""How long a saved file takes until its node runs it, in ``onex dev``."""
