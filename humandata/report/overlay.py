"""The stored trajectory drawn back on the stored frames: skeleton, EE axes, and the path to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np

from humandata.arrays import FloatArray, Image
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import invert
from humandata.report.pictures import AXIS_COLORS, Color
from humandata.schemas.episode import PRIMARY_CAMERA, ArmTrack, Episode
from humandata.schemas.landmarks import HAND_BONES, SIDES, Side
from humandata.video.images import decode_image, resize

SIDE_COLORS: dict[Side, Color] = {"left": (255, 150, 40), "right": (60, 190, 255)}
INTERPOLATED_COLOR: Color = (170, 170, 170)
_WHITE: Color = (255, 255, 255)
AXIS_LENGTH_M = 0.05
PATH_S = 1.5
MIN_WIDTH_PX = 600
"""Smaller pictures are enlarged a whole number of times, so that text and lines do not hide them."""
_SUBPIXEL_BITS = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.42


def overlay_frames(episode: Episode) -> Iterator[Image]:
    """Each stored frame (H, W, 3) RGB, drawn upon. The episode must have been read with its images."""
    T_camera_ee = {side: poses_in_camera(episode, arm) for side, arm in episode.arms.items()}
    pictures = episode.images[PRIMARY_CAMERA]
    height, width = decode_image(pictures[0]).shape[:2]
    enlargement = max(1, -(-MIN_WIDTH_PX // width))
    episode = _enlarged(episode, enlargement)
    for index, encoded in enumerate(pictures):
        image = resize(decode_image(encoded), width * enlargement, height * enlargement).copy()
        for side in SIDES:
            if side in episode.arms:
                _draw_arm(image, episode, side, index, T_camera_ee[side][index])
        _draw_caption(image, episode, index, {side: poses[index] for side, poses in T_camera_ee.items()})
        yield image


def _enlarged(episode: Episode, factor: int) -> Episode:
    """The episode as if its pictures were `factor` times as large; the pictures themselves are left alone."""
    camera = episode.camera
    arms = {
        side: replace(arm, hand=replace(arm.hand, landmarks_px=(arm.hand.landmarks_px + 0.5) * factor - 0.5))
        if arm.hand
        else arm
        for side, arm in episode.arms.items()
    }
    return replace(episode, camera=camera and camera.scaled(camera.width * factor, camera.height * factor), arms=arms)


def poses_in_camera(episode: Episode, arm: ArmTrack) -> FloatArray:
    """T_camera_ee (T, 4, 4) of an arm; NaN where the camera's pose in the arm's world is not known."""
    if episode.provenance.world_frame == "camera":
        return arm.T_world_ee
    return np.asarray(invert(episode.T_world_camera) @ arm.T_world_ee)


def path_to_come(episode: Episode, arm: ArmTrack, index: int, path_s: float = PATH_S) -> FloatArray:
    """EE positions (N, 3) from step `index` on, in its camera frame; empty where world is no inertial frame there."""
    horizon_ns = episode.timestamp_ns[index] + round(path_s * 1e9)
    steps = np.flatnonzero((episode.timestamp_ns >= episode.timestamp_ns[index]) & (episode.timestamp_ns <= horizon_ns))
    known = steps[arm.valid[steps] & episode.world_valid[steps]]
    if not episode.world_valid[index] or not np.isfinite(episode.T_world_camera[index]).all():
        return np.zeros((0, 3))
    return np.asarray((invert(episode.T_world_camera[index]) @ arm.T_world_ee[known])[:, :3, 3])


def draw_path(image: Image, camera: Camera, points_camera: FloatArray, color: Color) -> None:
    """Draw a path (N, 3) in the camera frame that fades into its end, in place."""
    pixels = camera.project(points_camera)
    for step in range(len(pixels) - 1):
        strength = 1.0 - 0.6 * step / max(len(pixels) - 1, 1)
        faded = tuple(int(channel * strength) for channel in color)
        _line(image, pixels[step], pixels[step + 1], (faded[0], faded[1], faded[2]), 2)


def draw_axes(image: Image, camera: Camera, T_camera_ee: FloatArray) -> None:
    """Draw the axes of an EE frame (4, 4), 5 cm each, in place."""
    tips = T_camera_ee[:3, 3] + AXIS_LENGTH_M * T_camera_ee[:3, :3].T
    origin_px, tips_px = camera.project(T_camera_ee[:3, 3]), camera.project(tips)
    for axis in np.argsort(-tips[:, 2]):
        _line(image, origin_px, tips_px[axis], AXIS_COLORS[axis], 3)


def _draw_arm(image: Image, episode: Episode, side: Side, index: int, T_camera_ee: FloatArray) -> None:
    arm = episode.arms[side]
    if not arm.valid[index]:
        return
    if episode.camera is not None:
        draw_path(image, episode.camera, path_to_come(episode, arm, index), SIDE_COLORS[side])
    if arm.hand is not None:
        pixels = arm.hand.landmarks_px[index]
        for parent, child in HAND_BONES:
            _line(image, pixels[parent], pixels[child], _color(arm, side, index), 1)
    if episode.camera is not None and np.isfinite(T_camera_ee).all():
        draw_axes(image, episode.camera, T_camera_ee)


def _color(arm: ArmTrack, side: Side, index: int) -> Color:
    return INTERPOLATED_COLOR if arm.interpolated[index] else SIDE_COLORS[side]


def _draw_caption(image: Image, episode: Episode, index: int, T_camera_ee: Mapping[Side, FloatArray]) -> None:
    """Time, task, and what it all rests on; below, a line an arm in its colour, where two hands cannot hide it."""
    seconds = (episode.timestamp_ns[index] - episode.timestamp_ns[0]) / 1e9
    provenance = episode.provenance
    known = {
        "camera": provenance.camera_motion,
        "intrinsics": provenance.intrinsics or "unknown",
        "scale": provenance.scale,
    }
    lines = [
        (f"{seconds:5.2f} s  {episode.task or 'no task text'}", _WHITE),
        (", ".join(f"{what} {how}" for what, how in known.items()), _WHITE),
    ]
    for side in SIDES:
        arm = episode.arms.get(side)
        if arm is not None and arm.valid[index]:
            lines.append((_arm_in_words(arm, side, index, T_camera_ee[side]), _color(arm, side, index)))
    for row, (line, color) in enumerate(lines):
        _text(image, line, np.array([8.0, 16.0 + 16.0 * row]), color)


def _arm_in_words(arm: ArmTrack, side: Side, index: int, T_camera_ee: FloatArray) -> str:
    """How far a hand is from the camera, with its sigma, or where a robot's arm is in its base; and its gripper."""
    if arm.hand is not None:
        place = f"z={T_camera_ee[2, 3]:.2f}+-{arm.hand.wrist_sigma_m[index, 2]:.2f} m"
    else:
        place = "({:+.2f}, {:+.2f}, {:+.2f}) m".format(*arm.T_world_ee[index, :3, 3])
    return f"{side} {place} open={arm.gripper_opening[index]:.2f}"


def _line(image: Image, start: FloatArray, end: FloatArray, color: Color, width: int) -> None:
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        return
    scale = 1 << _SUBPIXEL_BITS
    limit = 1 << 14
    a, b = (tuple(int(v) for v in np.clip(point, -limit, limit) * scale) for point in (start, end))
    cv2.line(image, a, b, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _text(image: Image, text: str, position: FloatArray, color: Color) -> None:
    if not np.isfinite(position).all():
        return
    ascii_text = text.encode("ascii", "replace").decode()
    (width, height), _ = cv2.getTextSize(ascii_text, _FONT, _FONT_SCALE, 1)
    x = int(np.clip(position[0], 0, max(image.shape[1] - width, 0)))
    at = (x, int(np.clip(position[1], height, image.shape[0])))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):  # an outline; a thicker font would be a wider one
        cv2.putText(image, ascii_text, (at[0] + dx, at[1] + dy), _FONT, _FONT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(image, ascii_text, at, _FONT, _FONT_SCALE, color, 1, cv2.LINE_AA)
