"""A fingerprint of data, by which a fit that goes on knows its own."""

import hashlib
import json

import numpy as np
from numpy import ndarray

from errorbar.hmf.data.matrix import row_chunks

__all__ = ["data_digest"]


def data_digest(Y: ndarray, W: ndarray) -> str:
    """The sha256 of both matrices, blind to what stands where nothing was measured."""
    values, weights = hashlib.sha256(), hashlib.sha256()
    for rows in row_chunks(Y.shape):
        values.update(np.ascontiguousarray(np.where(W[rows] > 0, Y[rows], 0), Y.dtype).data)
        weights.update(np.ascontiguousarray(W[rows]).data)
    told = [Y.shape, Y.dtype.str, W.dtype.str, values.hexdigest(), weights.hexdigest()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
