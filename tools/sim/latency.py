"""Times as a line of a table."""

from statistics import mean, quantiles


def latency(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"{mean(seconds) * 1000:.1f} ms" if seconds else "-"
    percent = [1000 * each for each in quantiles(seconds, n=100, method="inclusive")]
    return f"p50 {percent[49]:.1f} ms, p99 {percent[98]:.1f} ms, at most {max(seconds) * 1000:.1f} ms"
