"""The engine of COMPUTE, REDUCER and ORCHESTRATOR: batches, each in one transaction."""
