"""Episodes to Arrow tables and back: NaN in memory is null on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from humandata.arrays import FloatArray
from humandata.embodiments.grip_events import grip_events
from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import make_distortion
from humandata.geometry.transforms import position_wxyz_from_transform, transform_from_position_wxyz
from humandata.schemas.columns import IMAGE_TYPE, STEP_COLUMNS, arrow_schema
from humandata.schemas.episode import PRIMARY_CAMERA, ArmTrack, Episode, HandTrack, ManoTrack, Provenance
from humandata.schemas.landmarks import SIDES, Side

NUM_LANDMARKS = 21
_MANO_SHAPES = {"global_orient": (3,), "hand_pose": (15, 3), "betas": (10,)}


def steps_table(episode: Episode) -> pa.Table:
    """The rows of `data/<id>.parquet`; the columns of an arm the body lacks are null and not valid."""
    further = tuple(sorted(name.removeprefix("image_") for name in episode.images if name != PRIMARY_CAMERA))
    schema = arrow_schema(STEP_COLUMNS, further)
    camera_position, camera_wxyz = position_wxyz_from_transform(episode.T_world_camera)
    arrays: dict[str, pa.Array] = {
        "timestamp_ns": pa.array(episode.timestamp_ns, pa.int64()),
        "world_valid": pa.array(episode.world_valid, pa.bool_()),
        "camera_position": _vectors(camera_position, pa.float64()),
        "camera_wxyz": _vectors(camera_wxyz, pa.float64()),
    }
    for name, encoded in episode.images.items():
        paths = [f"{episode.id}/{name}/{index:06d}.jpg" for index in range(len(encoded))]
        arrays[name] = pa.StructArray.from_arrays([pa.array(encoded, pa.binary()), pa.array(paths)], ["bytes", "path"])
    for side in SIDES:
        arrays |= _arm_arrays(side, episode.arms.get(side), episode.num_steps)
    return pa.table([arrays[field.name] for field in schema], schema=schema)


def episode_row(episode: Episode) -> dict[str, Any]:
    """The row of `episodes.parquet`."""
    camera, provenance = episode.camera, episode.provenance
    row: dict[str, Any] = {
        "id": episode.id,
        "task": episode.task,
        "input": episode.input,
        "input_sha256": episode.input_sha256,
        "start_ns": int(episode.timestamp_ns[0]),
        "end_ns": int(episode.timestamp_ns[-1]) + 1,
        "num_steps": episode.num_steps,
        "rate_hz": episode.rate_hz,
        "embodiment": episode.embodiment,
        "world_frame": provenance.world_frame,
        "camera_motion": provenance.camera_motion,
        "camera_decided_by": provenance.camera_decided_by,
        "scale": provenance.scale,
        "intrinsics": provenance.intrinsics,
        "estimator": provenance.estimator,
        "weights_sha256": provenance.weights_sha256,
        "quality": {name: episode.quality[name] for name in sorted(episode.quality)},
    }
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        row[f"camera_{name}"] = float(getattr(camera, name)) if camera else None
    lens = camera.distortion if camera else None
    row["camera_distortion_model"] = lens.model if lens else None
    row["camera_distortion"] = list(lens.coefficients) if lens else None
    for side in SIDES:
        arm = episode.arms.get(side)
        row[f"{side}_valid_fraction"] = float(arm.valid.mean()) if arm else 0.0
        row[f"{side}_median_speed"] = _median_speed(episode, arm) if arm else None
    return row


def episode_from_table(row: Mapping[str, Any], table: pa.Table) -> Episode:
    """The inverse of `steps_table` and `episode_row`; images and hands are left out where their columns are."""
    images = {
        name: table.column(name).combine_chunks().field("bytes").to_pylist()
        for name in table.column_names
        if table.schema.field(name).type == IMAGE_TYPE
    }
    arms = {side: arm for side in SIDES if (arm := _arm_from_table(side, table)) is not None}
    return Episode(
        id=row["id"],
        embodiment=row["embodiment"],
        task=row["task"],
        input=row["input"],
        input_sha256=row["input_sha256"],
        timestamp_ns=table.column("timestamp_ns").to_numpy(),
        images=images,
        arms=arms,
        T_world_camera=transform_from_position_wxyz(
            _matrix(table, "camera_position", (3,)), _matrix(table, "camera_wxyz", (4,))
        ),
        world_valid=table.column("world_valid").to_numpy(),
        camera=_camera_from_row(row),
        provenance=Provenance(
            world_frame=row["world_frame"],
            camera_motion=row["camera_motion"],
            scale=row["scale"],
            intrinsics=row["intrinsics"],
            estimator=row["estimator"],
            weights_sha256=row["weights_sha256"],
            camera_decided_by=row.get("camera_decided_by"),  # not in sources written before there was one
        ),
        rate_hz=row["rate_hz"],
        quality=dict(row["quality"]),
    )


def _camera_from_row(row: Mapping[str, Any]) -> Camera | None:
    if row["camera_fx"] is None:
        return None
    model = row.get("camera_distortion_model")  # sources written before there was one lack the column
    return Camera(
        fx=row["camera_fx"],
        fy=row["camera_fy"],
        cx=row["camera_cx"],
        cy=row["camera_cy"],
        width=int(row["camera_width"]),
        height=int(row["camera_height"]),
        distortion=make_distortion(model, tuple(row["camera_distortion"])) if model else None,
    )


def _arm_arrays(side: Side, arm: ArmTrack | None, num_steps: int) -> dict[str, pa.Array]:
    hand = arm.hand if arm else None
    missing = np.full((num_steps, 4, 4), np.nan)
    ee_position, ee_wxyz = position_wxyz_from_transform(arm.T_world_ee if arm else missing)
    wrist_position, wrist_wxyz = position_wxyz_from_transform(hand.T_world_wrist if hand else missing)
    nothing = np.full(num_steps, np.nan)
    sigma = hand.wrist_sigma_m if hand else np.full((num_steps, 3), np.nan)
    landmarks_camera = hand.landmarks_camera if hand else np.full((num_steps, NUM_LANDMARKS, 3), np.nan)
    landmarks_px = hand.landmarks_px if hand else np.full((num_steps, NUM_LANDMARKS, 2), np.nan)
    return {
        f"{side}_valid": pa.array(arm.valid if arm else np.zeros(num_steps, bool), pa.bool_()),
        f"{side}_interpolated": pa.array(arm.interpolated if arm else np.zeros(num_steps, bool), pa.bool_()),
        f"{side}_confidence": _numbers(arm.confidence if arm else nothing),
        f"{side}_ee_position": _vectors(ee_position, pa.float64()),
        f"{side}_ee_wxyz": _vectors(ee_wxyz, pa.float64()),
        f"{side}_gripper_opening": _numbers(arm.gripper_opening if arm else nothing),
        f"{side}_aperture_m": _numbers(arm.aperture_m if arm else nothing),
        f"{side}_grip_event": pa.array(grip_events(arm.gripper_opening if arm else nothing), pa.string()),
        f"{side}_wrist_position": _vectors(wrist_position, pa.float64()),
        f"{side}_wrist_wxyz": _vectors(wrist_wxyz, pa.float64()),
        f"{side}_wrist_sigma_m": _vectors(sigma, pa.float32()),
        f"{side}_landmarks_camera": _vectors(landmarks_camera.reshape(num_steps, -1), pa.float32()),
        f"{side}_landmarks_px": _vectors(landmarks_px.reshape(num_steps, -1), pa.float32()),
        **_mano_arrays(side, hand.mano if hand else None, num_steps),
    }


def _mano_arrays(side: Side, mano: ManoTrack | None, num_steps: int) -> dict[str, pa.Array]:
    return {
        f"{side}_mano_{name}": _vectors(
            getattr(mano, name).reshape(num_steps, -1) if mano else np.full((num_steps, np.prod(shape)), np.nan),
            pa.float64(),
        )
        for name, shape in _MANO_SHAPES.items()
    }


def _arm_from_table(side: Side, table: pa.Table) -> ArmTrack | None:
    """The arm of that side, or None where it is valid at no step."""
    valid = table.column(f"{side}_valid").to_numpy()
    if not valid.any():
        return None
    return ArmTrack(
        T_world_ee=transform_from_position_wxyz(
            _matrix(table, f"{side}_ee_position", (3,)), _matrix(table, f"{side}_ee_wxyz", (4,))
        ),
        valid=valid,
        interpolated=table.column(f"{side}_interpolated").to_numpy(),
        confidence=_column(table, f"{side}_confidence"),
        gripper_opening=_column(table, f"{side}_gripper_opening"),
        aperture_m=_column(table, f"{side}_aperture_m"),
        hand=_hand_from_table(side, table),
    )


def _hand_from_table(side: Side, table: pa.Table) -> HandTrack | None:
    if f"{side}_wrist_position" not in table.column_names:
        return None
    wrist_position = _matrix(table, f"{side}_wrist_position", (3,))
    if not np.isfinite(wrist_position).any():
        return None
    return HandTrack(
        T_world_wrist=transform_from_position_wxyz(wrist_position, _matrix(table, f"{side}_wrist_wxyz", (4,))),
        wrist_sigma_m=_sigma_from_table(side, table),
        landmarks_camera=_matrix(table, f"{side}_landmarks_camera", (NUM_LANDMARKS, 3)),
        landmarks_px=_matrix(table, f"{side}_landmarks_px", (NUM_LANDMARKS, 2)),
        mano=_mano_from_table(side, table),
    )


def _sigma_from_table(side: Side, table: pa.Table) -> FloatArray:
    name = f"{side}_wrist_sigma_m"
    if name not in table.column_names:  # not in sources written before there was one
        return np.full((table.num_rows, 3), np.nan)
    return _matrix(table, name, (3,))


def _mano_from_table(side: Side, table: pa.Table) -> ManoTrack | None:
    if f"{side}_mano_betas" not in table.column_names:  # not in sources written before there was one
        return None
    columns = {name: _matrix(table, f"{side}_mano_{name}", shape) for name, shape in _MANO_SHAPES.items()}
    return ManoTrack(**columns) if np.isfinite(columns["betas"]).any() else None


def _numbers(values: NDArray[np.floating]) -> pa.Array:
    return pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)


def _vectors(rows: NDArray[np.floating], item_type: pa.DataType) -> pa.Array:
    """A fixed-size list column (N, D); a row that holds a NaN is null."""
    flat = pa.array(np.ascontiguousarray(rows).ravel(), item_type)
    mask = pa.array(~np.isfinite(rows).all(axis=1))
    return pa.FixedSizeListArray.from_arrays(
        flat, type=pa.list_(pa.field("element", item_type), rows.shape[1]), mask=mask
    )


def _matrix(table: pa.Table, name: str, shape: tuple[int, ...]) -> FloatArray:
    column = table.column(name).combine_chunks()
    rows = np.full((len(column), *shape), np.nan)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    rows[present] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, *shape)
    return rows


def _column(table: pa.Table, name: str) -> FloatArray:
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)


def _median_speed(episode: Episode, arm: ArmTrack) -> float | None:
    """Median speed in m/s over neighbouring steps at which the arm is known in an inertial frame."""
    known = arm.valid & episode.world_valid
    pairs = known[1:] & known[:-1]
    if not pairs.any():
        return None
    seconds = np.maximum(np.diff(episode.timestamp_ns)[pairs], 1) / 1e9
    metres = np.linalg.norm(np.diff(arm.T_world_ee[:, :3, 3], axis=0), axis=-1)[pairs]
    return float(np.median(metres / seconds))
