"""Object stores, against an S3-compatible server on loopback."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest

from humandata.errors import InputError, StorageError, UsageError
from humandata.storage import Store, is_remote, with_urls


def test_a_path_of_a_url_is_understood_though_it_lost_a_slash() -> None:
    expected = Store("s3://bucket/a b/c")
    for text in ("s3://bucket/a b/c", "s3://bucket/a b/c/", "s3:/bucket/a b/c"):
        assert Store.at(text) == expected
    assert Store.at(Path("s3://bucket/a b") / "c") == expected == Store.at("s3://bucket/a b") / "c"
    assert Store.at(Path("gs://bucket")).url == "gs://bucket"
    with_options = Store.at(Path("s3://bucket/a?region=x&endpoint_override=localhost:9") / "b")
    assert with_options.url == "s3://bucket/a/b?region=x&endpoint_override=localhost:9"
    assert (with_options / "c").url == "s3://bucket/a/b/c?region=x&endpoint_override=localhost:9"


def test_other_paths_are_of_this_machine() -> None:
    assert with_urls(f"{Path('s3://b/a')}: see gs:/b/c, not ./s3:/b") == "s3://b/a: see gs://b/c, not ./s3:/b"
    assert not any(map(is_remote, ("videos", "/s3:/x", "c:/x", "http://host/x", "./s3:/b")))
    with pytest.raises(UsageError, match="s3://bucket/key"):
        Store.at("videos")


def test_what_is_written_is_listed_read_and_deleted(bucket: Store, tmp_path: Path) -> None:
    folder = pickle.loads(pickle.dumps(bucket / "shards"))
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    folder.write("source é.json", b"{}")
    folder.upload("data/a.bin", tmp_path / "file")
    (bucket / "shards2").write("other", b"")
    listed = folder.list()
    assert list(listed) == ["data/a.bin", "source é.json"]
    assert list(folder.list("data/")) == ["data/a.bin"]
    assert folder.list("nothing/") == {}
    assert listed["data/a.bin"] == folder.stat("data/a.bin")
    assert listed["data/a.bin"].size_bytes == len(content)
    assert folder.read("data/a.bin") == content
    assert folder.read_range("data/a.bin", 255, 3) == b"\xff\x00\x01"
    assert folder.download("data/a.bin", tmp_path / "copy") == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "copy").read_bytes() == content
    folder.delete("data/a.bin")
    folder.delete("data/a.bin")
    assert folder.stat("data/a.bin") is None


def test_a_file_of_some_ranges_has_the_size_of_the_whole(bucket: Store, tmp_path: Path) -> None:
    bucket.write("a.bin", b"0123456789")
    bucket.download_ranges("a.bin", tmp_path / "part", [(0, 2), (8, 99)])
    assert (tmp_path / "part").read_bytes() == b"01\0\0\0\0\0\x0089"
    bucket.download_ranges("a.bin", tmp_path / "part", [(-5, 3)])
    assert (tmp_path / "part").read_bytes() == b"012\0\0\0\0\x0089"


def test_what_goes_wrong_is_told_in_a_line(bucket: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s3://test-\w+/absent: there is no such object"):
        bucket.read("absent")
    with pytest.raises(InputError, match="there is no such object"):
        bucket.download("absent", tmp_path / "absent")
    nowhere = Store("s3://no-such-bucket-here/folder")
    for use in (nowhere.list, lambda: nowhere.write("a", b"x")):
        with pytest.raises(StorageError, match=r"s3://no-such-bucket-here/folder.*: there is no such bucket"):
            use()
    deaf = Store.at("s3://bucket/folder?scheme=http&endpoint_override=127.0.0.1:9")
    with pytest.raises(StorageError, match="does not answer"):
        deaf.list()
    with pytest.raises(StorageError, match="nonsense"):
        Store.at("s3://bucket/folder?nonsense=1").list()
    with pytest.raises(FileNotFoundError):
        bucket.upload("a", tmp_path / "no such file")
