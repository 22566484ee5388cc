"""``onex init``: a project with nodes."""
