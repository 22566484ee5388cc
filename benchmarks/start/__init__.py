"""Cold start and memory."""
