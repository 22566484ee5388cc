"""``onex up``, ``down`` and ``status``: a mesh on this machine."""
