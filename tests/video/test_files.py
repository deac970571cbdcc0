from __future__ import annotations

import os
from pathlib import Path

import pytest

from humandata.errors import UsageError
from humandata.video.files import find_videos


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_folder_is_searched_to_the_bottom_in_order_of_relative_path(tmp_path: Path) -> None:
    for name in ("b/2.MP4", "b/10.mkv", "a.mov", "z/deep/er/c.webm", "notes.txt", "b/2.json"):
        touch(tmp_path / name)
    files = find_videos([tmp_path]).files
    assert [file.relative_path.as_posix() for file in files] == ["a.mov", "b/10.mkv", "b/2.MP4", "z/deep/er/c.webm"]
    assert {file.root for file in files} == {tmp_path}


def test_the_sidecar_is_the_json_of_the_same_stem(tmp_path: Path) -> None:
    touch(tmp_path / "lift.up.mp4")
    sidecar = touch(tmp_path / "lift.up.json")
    touch(tmp_path / "other.mp4")
    assert [file.sidecar_path for file in find_videos([tmp_path]).files] == [sidecar, None]


@pytest.mark.parametrize("name", ["-i.mp4", "a b.mp4", "line\nbreak.mp4", "手を洗う.mp4", "käse:'%d'.mp4"])
def test_any_name_is_found_as_file_and_in_a_folder(tmp_path: Path, name: str) -> None:
    path = touch(tmp_path / name)
    (as_file,) = find_videos([path]).files
    (in_folder,) = find_videos([tmp_path]).files
    assert as_file == in_folder
    assert as_file.relative_path == Path(name)


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    for name in ("clip.mp4", "._clip.mp4", ".cache/old.mp4"):
        touch(tmp_path / name)
    assert [file.path.name for file in find_videos([tmp_path]).files] == ["clip.mp4"]


def test_a_loop_of_links_ends_and_a_linked_folder_is_entered_once(tmp_path: Path) -> None:
    touch(tmp_path / "videos" / "clip.mp4")
    (tmp_path / "videos" / "loop").symlink_to(tmp_path / "videos", target_is_directory=True)
    touch(tmp_path / "elsewhere" / "far.mp4")
    (tmp_path / "videos" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    names = [file.relative_path.as_posix() for file in find_videos([tmp_path / "videos"]).files]
    assert names == ["clip.mp4", "linked/far.mp4"]


def test_a_video_reached_twice_is_listed_once(tmp_path: Path) -> None:
    path = touch(tmp_path / "clip.mp4")
    (tmp_path / "same.mp4").symlink_to(path)
    assert [file.path for file in find_videos([tmp_path, path]).files] == [path]


def test_a_dangling_link_is_listed_so_that_it_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    assert len(find_videos([tmp_path]).files) == 1


def test_a_relative_argument_leads_to_a_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "pour tea" / "clip.mp4")
    monkeypatch.chdir(tmp_path / "pour tea")
    for argument in (".", "clip.mp4", "../pour tea", ".."):
        (file,) = find_videos([Path(argument)]).files
        assert file.path == tmp_path / "pour tea" / "clip.mp4"


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = touch(tmp_path / "notes.txt")
    for argument in (tmp_path / "absent", tmp_path / "absent.mp4", tmp_path / "empty", text):
        with pytest.raises(UsageError, match=argument.name):
            find_videos([argument])
    with pytest.raises(UsageError, match="at least one"):
        find_videos([])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder_is_named_and_the_rest_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "clip.mp4")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    listing = find_videos([tmp_path])
    assert [file.path.name for file in listing.files] == ["clip.mp4"]
    assert listing.unreadable == (locked,)
