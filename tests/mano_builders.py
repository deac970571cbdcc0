"""A MANO model file of the right shapes, as its site packs it, with a hand of our own in it: a stick hand."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from hand_builders import right_hand
from numpy.typing import NDArray

TIP_VERTICES = (744, 320, 443, 554, 671)
"""The vertices that stand for the tips of thumb, index, middle, ring and little finger (smplx `vertex_ids`)."""
JOINT_LANDMARKS = (0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3)
"""The landmark of each of MANO's joints: wrist, index, middle, little, ring, thumb."""
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
TIP_LANDMARKS = (4, 8, 12, 16, 20)


def mano_arrays() -> dict[str, NDArray[Any]]:
    """A model whose vertices lie on the landmarks of `right_hand`: each joint's are its own, rigidly attached."""
    rng = np.random.default_rng(0)
    landmarks = right_hand()
    owner = np.arange(778) % 16
    for finger, vertex in enumerate(TIP_VERTICES):
        owner[vertex] = JOINT_LANDMARKS.index(TIP_LANDMARKS[finger] - 1)
    v_template = landmarks[np.array(JOINT_LANDMARKS)[owner]]
    v_template[list(TIP_VERTICES)] = landmarks[list(TIP_LANDMARKS)]
    J_regressor = np.zeros((16, 778))
    for joint in range(16):
        vertices = [v for v in np.flatnonzero(owner == joint) if v not in TIP_VERTICES]
        J_regressor[joint, vertices] = 1.0 / len(vertices)
    return {
        "v_template": v_template,
        "shapedirs": v_template[..., None] * rng.normal(scale=0.01, size=10),
        "posedirs": np.zeros((778, 3, 135)),
        "J_regressor": J_regressor,
        "weights": np.eye(16)[owner],
        "kintree_table": np.array([PARENTS, range(16)]).astype(np.uint32),
        "f": rng.integers(0, 778, (1538, 3)).astype(np.uint32),
        "hands_components": np.eye(45),
        "hands_mean": np.zeros(45),
    }


def write_mano(path: Path, **changes: object) -> Path:
    """Write the model with chumpy expressions and a sparse matrix in it, in pickle protocol 2, like the real one."""
    arrays = mano_arrays()
    with chumpy() as (Ch, Select):
        twenty = np.concatenate([arrays["shapedirs"], np.full((778, 3, 10), np.nan)], axis=-1)
        index = np.arange(twenty.size).reshape(twenty.shape)[..., :10].ravel()
        content = {
            **arrays,
            "shapedirs": Select(a=Ch(x=twenty), idxs=index, preferred_shape=(778, 3, 10)),
            "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]),
            "bs_style": "lbs",
            **changes,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(content, protocol=2))
    return path


@contextmanager
def chumpy() -> Iterator[tuple[type, type]]:
    """Classes that pickle under the names of chumpy's, while it lasts."""

    class Ch:
        def __init__(self, **state: object) -> None:
            self.__dict__.update(state)

    class Select(Ch):
        pass

    modules: dict[str, tuple[type, ...]] = {"chumpy": (), "chumpy.ch": (Ch,), "chumpy.reordering": (Select,)}
    for name, classes in modules.items():
        sys.modules[name] = types.ModuleType(name)
        for cls in classes:
            sys.modules[name].__dict__[cls.__name__] = cls
            cls.__module__, cls.__qualname__ = name, cls.__name__
    try:
        yield Ch, Select
    finally:
        for name in modules:
            del sys.modules[name]
