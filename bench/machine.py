"""What processes use: their time on the processor and their memory, as Linux tells it in /proc."""

import contextlib
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return a process and all that it started, those that are over left out."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """Return the time a process and its children have spent on the processor since they began.

    Those that are over are in their parent's account.
    """
    return sum(_alive(one) for one in tree(pid)) + _account(pid, 13)


def _alive(pid: int) -> float:
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    # To the nanosecond for the threads that live; the account, in hundredths, holds those that are over too.
    return max(total / 1e9, _account(pid, 11))


def _account(pid: int, first: int) -> float:
    """Return two fields of /proc/<pid>/stat together: its own time from the 11th on, its children's from the 13th."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[first]) + int(fields[first + 1])) / _TICK
    return 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: `rss` counts what processes share as many times as they are, `pss` once in all."""

    rss: float
    pss: float


def memory(pids: Iterable[int]) -> Memory:
    """Return the memory that processes hold together."""
    rss = pss = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1])
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1])
    return Memory(rss / 1024, pss / 1024)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command cost: seconds on the clock, seconds of processor, the most memory it held (MB), what it said."""

    seconds: float
    cpu: float
    peak_mb: float
    output: str


def command(arguments: list[str], *, env: dict[str, str], cwd: Path) -> Spent:
    """Run a command to its end. Raises RuntimeError with what it said when it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(arguments, env=env, cwd=cwd, stdout=said, stderr=subprocess.STDOUT)
        peak = 0
        while True:
            # Of its own memory: what `getrusage` tells of a child holds what its parent had when it was born.
            peak = max(peak, _most_held(process.pid))
            done, status, used = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{output[-3000:]}")
    return Spent(seconds, used.ru_utime + used.ru_stime, peak / 1024, output)


def _most_held(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def own_cpu() -> float:
    """Return the seconds of processor of this very process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def loop_ms() -> float:
    """Return the milliseconds of CPU of a loop that never changes: how fast this machine is, now."""
    found = []
    for _ in range(5):
        start, total = own_cpu(), 0
        for number in range(400_000):
            total += number & 7
        found.append((own_cpu() - start) * 1000)
    return round(median(found), 1)


def described() -> dict[str, Any]:
    """Return what the figures depend on: the processor, its cores, the system, how busy it already is."""
    model = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "loop_ms": loop_ms(),
    }
