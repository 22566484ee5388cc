"""What capabilities cost."""
