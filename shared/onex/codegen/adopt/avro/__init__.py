"""Infers the message of a topic from the Avro schemas of its writers."""
