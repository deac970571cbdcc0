"""The lens of a video, as far as its metadata tells: an equivalent focal length, or a model whose lens is documented.

A focal length "equivalent to 35 mm film" is the one that would give a 36 x 24 mm picture the same *diagonal* angle of
view (CIPA DCG-001): the diagonal of that picture is 43.27 mm. So f_px = f_35mm / 43.27 mm x the picture's diagonal in
pixels. Two things stand between this and a calibration. Makers round to a millimetre (4 %), and some quote the lens's
photographs, which are 4:3, rather than the video. And stabilised video is cropped, by up to a fifth on some phones: the
true focal length in pixels is then longer, and so is the distance of everything. Hence a provenance of its own, `exif`,
between `sidecar` and `assumed`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import FisheyeDistortion

FILM_DIAGONAL_MM = 43.2666
"""sqrt(36² + 24²)."""

PHOTO_DIAGONAL_PER_WIDTH = 1.25
"""Of a 4:3 photograph, whose whole width a 16:9 video of the same camera shows."""

_EQUIVALENT_KEYS = ("camera.focal_length.35mm_equivalent", "focallengthin35mmfilm", "focallengthin35mmformat")
"""Endings of keys, in lower case: Apple's (AVMetadataIdentifier), and EXIF's where a converter kept it."""

_LENGTHS_MM = (5.0, 400.0)
"""What a lens for a hand in front of a camera may have; anything else is a wrong unit, or a wrong field."""


@dataclass(frozen=True)
class Lens:
    """A lens of known angle of view."""

    name: str
    focal_per_width: float
    """Focal length over the longer side of the picture, both in pixels."""
    is_fisheye: bool = False
    """Equidistant: the angle off the axis, not its tangent, grows with the distance from the centre."""

    def camera(self, width: int, height: int) -> Camera:
        """The camera of a picture of width x height, with a centred principal point."""
        focal = self.focal_per_width * max(width, height)
        return Camera(
            fx=focal,
            fy=focal,
            cx=(width - 1) / 2.0,
            cy=(height - 1) / 2.0,
            width=width,
            height=height,
            distortion=FisheyeDistortion(0.0, 0.0, 0.0, 0.0) if self.is_fisheye else None,
        )


_PHONES_MM: dict[str, float] = {
    r"iPhone 7( Plus)?": 28.0,
    r"iPhone 12( mini| Pro| Pro Max)?": 26.0,
    r"iPhone 13( mini| Pro| Pro Max)?": 26.0,
}
"""Equivalent focal length of the photographs of main cameras, by model. iPhone 7: Apple staff,
https://forums.developer.apple.com/thread/63347. iPhone 12 and 13:
https://www.apple.com/newsroom/2020/10/apple-introduces-iphone-12-pro-and-iphone-12-pro-max-with-5g,
https://www.apple.com/au/newsroom/2021/09/apple-unveils-iphone-13-pro-and-iphone-13-pro-max-more-pro-than-ever-before,
https://www.dxomark.com/apple-iphone-12-mini-camera-review-performance-in-your-pocket and
https://www.dxomark.com/apple-iphone-13-mini-camera-review-powerful-mobile-imaging-in-pocket-format."""

_HERO4_WIDE_FOV = {16 / 9: math.radians(118.2), 4 / 3: math.radians(122.6)}
"""Horizontal, by shape of the picture, in the mode "wide" without stabilisation, the default:
https://community.gopro.com/t5/en/HERO4-Field-of-View-FOV-Information/ta-p/390285."""

_MODEL_KEYS = ("com.apple.quicktime.model", "com.android.model", "model")
_LENS_KEYS = ("com.apple.quicktime.camera.lens_model",)


def find_lens(metadata: Mapping[str, str], width: int, height: int) -> Lens | None:
    """The lens that a video's metadata tells of, for an upright picture of width x height; None where it tells nothing.

    An equivalent focal length counts before a model. A model's figure is that of its main camera, so it is not used
    where the file says that another one (a front camera, say) was recording.
    """
    lowered = {key.lower(): value.strip() for key, value in metadata.items()}
    model = next((lowered[key] for key in _MODEL_KEYS if key in lowered), "")
    shape = max(width, height) / min(width, height)
    equivalent = _equivalent_mm(lowered)
    if equivalent is not None:
        focal = equivalent / FILM_DIAGONAL_MM * math.hypot(1.0, 1.0 / shape)
        return Lens(f"{model or 'camera'}, {equivalent:g} mm equivalent".strip(), focal)
    if re.match(r"HD4\.", lowered.get("firmware", "")):
        for known_shape, fov in _HERO4_WIDE_FOV.items():
            if abs(shape / known_shape - 1.0) < 0.01:
                return Lens("GoPro HERO4, wide", 1.0 / fov, is_fisheye=True)
    lens = next((lowered[key] for key in _LENS_KEYS if key in lowered), "back camera").lower()
    is_main = not any(word in lens for word in ("front", "ultra", "tele"))
    for pattern, photo_mm in _PHONES_MM.items():
        if is_main and re.fullmatch(pattern, model):
            return Lens(f"{model}, main camera", photo_mm / FILM_DIAGONAL_MM * PHOTO_DIAGONAL_PER_WIDTH)
    return None


def _equivalent_mm(lowered: Mapping[str, str]) -> float | None:
    for key, value in lowered.items():
        number = re.match(r"\d+(\.\d+)?", value)
        if key.endswith(_EQUIVALENT_KEYS) and number:
            length = float(number[0])
            if _LENGTHS_MM[0] <= length <= _LENGTHS_MM[1]:
                return length
    return None
