"""The MANO model file as its site gives it, a pickle of Python 2, read without running anything that is in it.

`MANO_RIGHT.pkl` holds NumPy arrays, a SciPy sparse matrix, and expressions of the package chumpy, which no longer
installs. Here every class that the file names is either one of the known constructors of arrays, or a `_Node` that
keeps its state and does nothing; any other name is refused. The two expressions that occur are worked out by hand.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humandata.errors import InputError

MANO_SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (778, 3),
    "shapedirs": (778, 3, 10),
    "posedirs": (778, 3, 135),
    "J_regressor": (16, 778),
    "weights": (778, 16),
    "kintree_table": (2, 16),
    "f": (1538, 3),
    "hands_components": (45, 45),
    "hands_mean": (45,),
}
"""What is taken from the file, and its shapes."""


def read_mano(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of `MANO_SHAPES` from a `MANO_RIGHT.pkl`; raises InputError where it is none."""
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        arrays = {name: _array(content[name]) for name in MANO_SHAPES}
    except OSError as failure:
        raise InputError(f"{path}: cannot be read ({failure.strerror}).") from None
    except KeyError as failure:
        raise InputError(f"{path}: not a MANO model: it has no {failure}.") from None
    except Exception as failure:  # a broken pickle can raise anything
        raise InputError(f"{path}: not a MANO model ({failure}).") from None
    for name, shape in MANO_SHAPES.items():
        if arrays[name].shape != shape:
            raise InputError(f"{path}: its {name} has the shape {arrays[name].shape}, that of a MANO hand is {shape}.")
    return arrays


def mano_npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    """The arrays as an NPZ file, which is no pickle."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes `allow_pickle` for one of the arrays
    return buffer.getvalue()


class _Node:
    """Stands for an object of another package: what it was made of, and nothing that it can do."""

    state: dict[str, Any]

    def __new__(cls, *_: object) -> _Node:
        return super().__new__(cls)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def array(self) -> NDArray[Any]:
        """The numbers that it stands for."""
        raise NotImplementedError


class _Constant(_Node):
    """`chumpy.ch.Ch`."""

    def array(self) -> NDArray[Any]:
        return np.asarray(self.state["x"])


class _Selection(_Node):
    """`chumpy.reordering.Select`: some elements of another array, in another shape."""

    def array(self) -> NDArray[Any]:
        chosen = _array(self.state["a"]).ravel()[self.state["idxs"]]
        return np.reshape(chosen, self.state["preferred_shape"])


class _SparseColumns(_Node):
    """`scipy.sparse.csc_matrix`."""

    def array(self) -> NDArray[Any]:
        num_rows, num_columns = self.state["_shape"]
        dense = np.zeros((num_rows, num_columns))
        columns = np.repeat(np.arange(num_columns), np.diff(self.state["indptr"]))
        np.add.at(dense, (self.state["indices"], columns), self.state["data"])
        return dense


def _array(value: object) -> NDArray[Any]:
    array = value.array() if isinstance(value, _Node) else np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError("it holds something else than numbers")
    return array


def _reconstructor(cls: type[_Node], *_: object) -> _Node:
    """What `copy_reg._reconstructor` does for the classes allowed here."""
    return cls.__new__(cls)


def _encode(text: str, encoding: str) -> bytes:
    """What `_codecs.encode` is used for by pickles of protocol 2 that Python 3 wrote."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding}")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("chumpy.ch", "Ch"): _Constant,
    ("chumpy.reordering", "Select"): _Selection,
    ("scipy.sparse.csc", "csc_matrix"): _SparseColumns,
    ("scipy.sparse._csc", "csc_matrix"): _SparseColumns,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("_codecs", "encode"): _encode,
    ("builtins", "object"): object,
    ("builtins", "set"): set,
}
_NUMPY_FUNCTIONS = {"_reconstruct", "scalar"}
_NUMPY_MODULES = {"numpy.core.multiarray", "numpy._core.multiarray"}


class _Unpickler(pickle.Unpickler):
    """Knows `_KNOWN` and how NumPy makes arrays; names of Python 2 arrive here by those of Python 3."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _NUMPY_MODULES and name in _NUMPY_FUNCTIONS:
            return super().find_class("numpy._core.multiarray", name)
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no MANO model needs")
        return _KNOWN[module, name]
