"""How much memory there is."""

import os
from pathlib import Path

__all__ = ["memory_bytes"]

CGROUP = Path("/sys/fs/cgroup/memory.max")


def memory_bytes() -> int | None:
    """The memory that this process may have, if the system says."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        return min(whole, int(CGROUP.read_text()))
    except (OSError, ValueError):
        # No such file, or it says "max".
        return whole
