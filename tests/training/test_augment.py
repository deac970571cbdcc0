"""Augmentation stays within its bounds."""

from __future__ import annotations

import torch

from humandata.training.policies.augment import augment


def test_images_are_moved_by_no_more_than_they_may_each_by_its_own() -> None:
    image = torch.zeros(16, 3, 100, 100)
    image[:, :, 50, 50] = 255.0
    changed = augment(image, torch.Generator().manual_seed(0))
    peak = changed[:, 0].flatten(1).argmax(dim=1)
    rows, columns = peak // 100, peak % 100
    assert ((rows - 50).abs() <= 3).all()
    assert ((columns - 50).abs() <= 3).all()
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 1
    assert changed.min() >= 0.0
    assert changed.max() <= 255.0
