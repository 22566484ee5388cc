"""Writes a node for a topic that exists: infers the message from sampled records."""
