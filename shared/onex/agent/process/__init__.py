"""The agent process: one instance of a node, on a Kafka cluster."""
