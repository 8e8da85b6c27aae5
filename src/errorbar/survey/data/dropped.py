"""Rows a catalogue lost on the way in, and why."""

from dataclasses import dataclass

from errorbar.survey.data.table import few

__all__ = ["Dropped", "DroppedRows"]


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows that share one reason: their numbers, counted from 0, and their planets."""

    reason: str
    rows: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What reading a catalogue left out; each row counts once, under its first reason.

    Printing it gives the report; it is false where nothing was dropped.
    """

    rows_read: int
    groups: tuple[DroppedRows, ...] = ()

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def rows_kept(self) -> int:
        return self.rows_read - self.count

    @property
    def reasons(self) -> dict[str, int]:
        """Reason → number of rows."""
        return {group.reason: group.count for group in self.groups}

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        head = f"{self.rows_kept} of {self.rows_read} rows kept"
        if not self:
            return head + "."
        lines = [
            f"  {group.count:>5}  {group.reason}: {few(group.names, 4)}" for group in self.groups
        ]
        return "\n".join([f"{head}; {self.count} dropped:", *lines])
