"""The peers of the mesh for slow calls."""
