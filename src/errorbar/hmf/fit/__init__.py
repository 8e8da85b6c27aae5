"""The solve: starts, passes over the data, when to stop, and what is known afterwards."""
