"""What a container may use: the CPU and memory limits of Linux control groups.

Version 2 has one tree of groups, version 1 one tree per controller; a limit anywhere
on the way from the process's group to the root holds. Elsewhere there are no limits.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (and cgroup-v1).
"""

from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cpu_quota(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> float | None:
    """Return how many CPUs' time this process may use, or None without a limit."""
    quotas = []
    for group in _groups("cpu", mount, membership):
        limit, _, period = _read(group / "cpu.max").partition(" ")  # version 2
        if not limit:
            limit = _read(group / "cpu.cfs_quota_us")
            period = _read(group / "cpu.cfs_period_us")
        if limit.isdecimal() and period.isdecimal() and int(period):
            quotas.append(int(limit) / int(period))
    return min(quotas, default=None)


def memory_limit(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> int | None:
    """Return the bytes of memory this process may use, or None without a limit."""
    limits = []
    for group in _groups("memory", mount, membership):
        text = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
        if text.isdecimal():
            limits.append(int(text))
    return min(limits, default=None)


def _groups(controller: str, mount: Path, membership: Path) -> Iterator[Path]:
    """Yield the group folders whose limits hold for this process."""
    lines = [line.split(":", 2) for line in _read(membership).splitlines()]
    for number, names, path in (line for line in lines if len(line) == 3):
        if number == "0" and not names:
            root = mount
        elif controller in names.split(","):
            root = mount / names
            if not root.is_dir():
                root = mount / controller
        else:
            continue
        # Inside a container the path may be the host's; then only the root exists.
        group_folder = root / path.strip("/")
        yield from (
            g for g in (group_folder, *group_folder.parents) if g.is_relative_to(root)
        )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
