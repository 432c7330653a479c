"""What a process has imported stays as it is, in huge pages where the kernel has them."""

import platform
import subprocess
import sys
from pathlib import Path

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SCRIPT = """\
import gc, re
from pathlib import Path
from shared.imported import settle_imported

def huge_kib():
    return int(re.search(r"AnonHugePages: +(\\d+) kB", Path("/proc/self/smaps_rollup").read_text())[1])

kept = [str(number) * 10 for number in range(200_000)]
before = huge_kib()
settle_imported()
assert kept == [str(number) * 10 for number in range(200_000)]
assert gc.get_freeze_count() > 1000
print(huge_kib() - before)
"""


def test_what_is_there_goes_into_huge_pages_and_stays_as_it_is() -> None:
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert int(ran.stdout) > 0 or not _kernel_can()


def _kernel_can() -> bool:
    major, minor = platform.release().split(".")[:2]
    is_new = (int(major), int(minor.split("-")[0])) >= (6, 1)
    return is_new and SETTING.exists() and "[never]" not in SETTING.read_text()
