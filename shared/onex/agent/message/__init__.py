"""Messages of an agent: records are decoded, handlers are called, results are encoded as records."""
