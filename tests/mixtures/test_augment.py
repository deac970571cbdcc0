"""Augmentation stays within its bounds, treats all pictures of a sample alike, and can be done again."""

from __future__ import annotations

import torch

from humandata.mixtures.augment import Augmentation


def test_images_are_moved_by_no_more_than_they_may_each_by_its_own() -> None:
    image = torch.zeros(16, 3, 100, 100)
    image[:, :, 50, 50] = 255.0
    changed = Augmentation().draw(16, 100, torch.Generator().manual_seed(0)).apply(image)
    peak = changed[:, 0].flatten(1).argmax(dim=1)
    rows, columns = peak // 100, peak % 100
    assert ((rows - 50).abs() <= 3).all()
    assert ((columns - 50).abs() <= 3).all()
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 1
    assert changed.min() >= 0.0
    assert changed.max() <= 255.0


def test_the_pictures_of_a_history_are_changed_alike() -> None:
    image = torch.randint(0, 256, (4, 3, 20, 20), dtype=torch.uint8)
    changes = Augmentation(shift=0.2).draw(4, 20, torch.Generator().manual_seed(0))
    history = changes.apply(image[:, None].expand(-1, 3, -1, -1, -1))
    for moment in range(3):
        torch.testing.assert_close(history[:, moment], changes.apply(image))


def test_colours_fade_and_deepen_but_grey_stays() -> None:
    plain = Augmentation(shift=0.0, brightness=0.0, contrast=0.0, saturation=0.5)
    changes = plain.draw(8, 4, torch.Generator().manual_seed(0))
    grey = torch.full((8, 3, 4, 4), 90.0)
    torch.testing.assert_close(changes.apply(grey), grey)
    red = torch.tensor([120.0, 80.0, 80.0]).view(1, 3, 1, 1).expand(8, 3, 4, 4)
    changed = changes.apply(red)
    spread = (changed[:, 0] - changed[:, 1])[:, 0, 0]
    torch.testing.assert_close(spread, 40.0 * changes.saturation)
    assert spread.min() < 40.0 < spread.max()


def test_a_sample_is_changed_alike_whoever_draws_it() -> None:
    image = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8)
    sample = torch.arange(1000, 1064)
    augmentation = Augmentation(shift=0.2)
    whole = augmentation.of_samples(sample, 16, seed=3)
    part = augmentation.of_samples(sample[40:], 16, seed=3)
    assert torch.equal(whole.apply(image)[40:], part.apply(image[40:]))
    assert not torch.equal(whole.gain, augmentation.of_samples(sample, 16, seed=4).gain)
    assert whole.shift_px.min() == -3
    assert whole.shift_px.max() == 3
    # Of 64 uniform numbers the mean is off by 1/sqrt(12 * 64) = 0.036 of their range, one time in three by more.
    for amount in (whole.gain - 1.0, whole.bias / 125.0, whole.saturation - 1.0):
        assert abs(float(amount.mean())) < 0.4 * 0.036 * 4
