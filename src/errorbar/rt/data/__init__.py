"""Tables of peaks in, frozen arrays out; the only room that names columns."""

from errorbar.rt.data.peaks import Chemistry, Peaks

__all__ = ["Chemistry", "Peaks"]
