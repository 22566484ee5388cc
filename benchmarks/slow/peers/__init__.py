"""Those beside whom the mesh makes slow calls."""
