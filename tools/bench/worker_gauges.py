"""What a worker of ours says that it holds: its `/metrics`, summed over all labels but the generation."""

from collections import defaultdict

import httpx
from prometheus_client.parser import text_string_to_metric_families

SESSIONS = "roomcast_sessions"
TASKS = "roomcast_tasks"
FILES = "process_open_fds"
FULL_COLLECTIONS = "python_gc_collections_total 2"  # of garbage; until the next one it counts as memory
OPENED = "roomcast_sessions_opened_total"


async def worker_gauges(http: httpx.AsyncClient, url: str) -> dict[str, float]:
    """By name of the sample. `url` is of the worker's own HTTP."""
    response = await http.get(f"{url}/metrics")
    response.raise_for_status()
    held: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            held[sample.name] += sample.value
            if generation := sample.labels.get("generation"):
                held[f"{sample.name} {generation}"] += sample.value
    return held
