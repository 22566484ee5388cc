"""The agent process: one instance of a node, on a Kafka cluster."""

from onex.agent.process.agent_process import run_agent

__all__ = ["run_agent"]
