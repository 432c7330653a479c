"""What a process tells of itself: logs, traces, and metrics of both planes."""
