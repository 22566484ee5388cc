"""``onex doctor``: checks of a mesh."""
