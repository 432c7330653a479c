"""Where the files of a release come from: an in-toto statement (v1) with SLSA's provenance (v1).

https://slsa.dev/spec/v1.0/provenance. It has no times: the same commit makes the same statement.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCKS = ("requirements/run.txt", "requirements/release.txt", "deploy/npm/package-lock.json")


def statement(
    root: Path, repository: str, version: str, commit: str, files: Sequence[Path]
) -> dict[str, Any]:
    """`repository`: its URL; `files`: what was built, from the `commit` of `root`, by `make release`."""
    source = f"git+{repository}@refs/tags/v{version}"
    locks = [{"uri": f"{source}#{name}", "digest": {"sha256": sha256(root / name)}} for name in LOCKS]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": sha256(file)}} for file in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{repository}/blob/v{version}/docs/releases.md#making-one",
                "externalParameters": {"source": source, "command": f"make release VERSION={version}"},
                "resolvedDependencies": [{"uri": source, "digest": {"gitCommit": commit}}, *locks],
            },
            "runDetails": {"builder": {"id": f"{repository}/tree/v{version}/tools/release"}},
        },
    }


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
