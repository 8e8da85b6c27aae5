"""Wall and CPU seconds of a call."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Seconds", "take"]


@dataclass(frozen=True, slots=True)
class Seconds:
    wall: float
    cpu: float

    def __truediv__(self, parts: float) -> "Seconds":
        return Seconds(self.wall / parts, self.cpu / parts)


def take(call: Callable[[], Any]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)
