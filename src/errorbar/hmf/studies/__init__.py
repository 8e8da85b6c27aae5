"""Whole studies, from data to figures, each in a room of its own."""

__all__ = []
