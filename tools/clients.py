"""Runs the tests with the field's clients, and writes the table of docs/clients.md: `make clients`.

Arguments go to pytest. The table changes only if all tests have passed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.client_runs import PAGE, ROOT, RUNS_FILE, noted, promised, with_table


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs"
        command = [sys.executable, "-m", "pytest", "-m", "client", "tests/e2e", *arguments]
        status = subprocess.run(command, cwd=ROOT, env=os.environ | {RUNS_FILE: str(path)}).returncode
        runs = noted(path) if path.exists() else []
    if status:
        return status
    if missing := promised().difference(run.promise for run in runs):
        print("No test has noted", *sorted(missing), sep="\n  ", file=sys.stderr)
        return 1
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} has the table of these {len(runs)} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
