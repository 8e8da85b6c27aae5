"""Fitted values on disk: arrays and a manifest in one file, checked when it is read.

An artifact is one safetensors file. Its only metadata key, `manifest`, is JSON with sorted keys:
the number of the format, the kind of value, a hash of everything else in the file, the versions
that wrote it, and whatever its owner wants to say in plain JSON. Reading one can run no code, and
equal values give equal bytes.
"""

from errorbar.core.artifact.files import read_artifact, write_artifact
from errorbar.core.artifact.value import Artifact, Json

__all__ = ["Artifact", "Json", "read_artifact", "write_artifact"]
