"""What an agent measures of itself: metrics, traces and readiness."""
