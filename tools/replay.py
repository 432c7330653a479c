"""What a viewer's line was, second by second, by its log; and whether this code decides the same.

python -m tools.replay FILE      the log, as `GET /api/admin/sessions/{session}/line` gives it
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from media.line.replay import Replayed, replay


def story(log: Any) -> Iterator[str]:
    """A line for each second, and for each step that this code decides otherwise."""
    now, second, differ, steps = float(log["now"]), math.inf, 0, 0
    yield "    ago rung   carries     probe   (kbit/s)"
    for step in replay(log):
        steps += 1
        differ += step.differs
        if int(step.at) != second or step.differs:
            second = int(step.at)
            yield _row(step, now)
    yield f"{steps} steps, {differ} of them decided otherwise by this code"


def _row(step: Replayed, now: float) -> str:
    logged = step.logged
    words = [word for word, holds in (("stopped", logged.pause), ("paced", logged.picture_pace > 0)) if holds]
    if step.differs:
        words.append(f"now: rung {step.decided.rung}, carries {step.carries / 1000:.0f}")
    ago, carries, probe = now - step.at, step.logged_carries / 1000, logged.probe / 1000
    return f"{ago:6.1f}s {logged.rung:4} {carries:9.0f} {probe:9.0f}   {', '.join(words)}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.replay")
    parser.add_argument("file", type=Path, help="the log of a line, as the API gives it")
    try:
        for line in story(json.loads(parser.parse_args().file.read_text())):
            print(line)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"no log of a line: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
