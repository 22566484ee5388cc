"""What goes wrong: failures are classified, become dead letters, or block their partition."""
