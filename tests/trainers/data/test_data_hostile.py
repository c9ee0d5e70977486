"""Databases and tables whose numbers are not what they seem: no crash, no endless loop, no exhausted memory."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dashboards.cli.command_line import main
from studies.definition.study import resolve
from trainers.base.errors import UserError
from trainers.data.decoding import decode_line
from trainers.data.source_registry import open_source

pytestmark = pytest.mark.timeout(120)


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((60, 32), 50).save(buffer, "PNG")
    return buffer.getvalue()


def write_lmdb(folder: Path, count: bytes, lines: int = 5) -> Path:
    lmdb = pytest.importorskip("lmdb", reason="needs the package lmdb")
    with lmdb.open(str(folder), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for number in range(1, lines + 1):
            transaction.put(f"image-{number:09d}".encode(), encoded())
            transaction.put(f"label-{number:09d}".encode(), b"text")
        transaction.put(b"num-samples", count)
    return folder


@pytest.mark.parametrize("count", [b"1000000000000", b"9" * 5000])
def test_a_database_that_promises_too_many_lines_gives_those_that_it_has(tmp_path: Path, count: bytes) -> None:
    found = open_source(str(write_lmdb(tmp_path / "set", count)))
    assert len(found.lines) == 5
    assert ("data.mdb", "num-samples is larger than the database") in {(s.name, s.reason) for s in found.skipped}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_database_that_was_cut_short_is_one_line_and_kills_nothing(tmp_path: Path, share: float) -> None:
    folder = write_lmdb(tmp_path / "set", b"200", 200)
    file = folder / "data.mdb"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    ended = subprocess.run(
        [sys.executable, "-m", "dashboards.cli.command_line", "data", "check", str(folder)], capture_output=True, text=True
    )
    assert ended.returncode == 2 and "is cut short" in ended.stderr and "Traceback" not in ended.stderr


def test_a_database_that_lacks_only_unused_pages_is_read(tmp_path: Path) -> None:
    """As if its last pages had been freed again before they were ever written."""
    folder = write_lmdb(tmp_path / "set", b"5")
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(folder), map_size=1 << 24) as environment:
        last = environment.info()["last_pgno"]
    file = folder / "data.mdb"
    data = bytearray(file.read_bytes())
    for place in range(2):  # both meta pages name the last page
        at = data.find(last.to_bytes(8, "little"), 4096 * place, 4096 * (place + 1))
        if at >= 0:
            data[at : at + 8] = (last + 3).to_bytes(8, "little")
    file.write_bytes(data)
    with lmdb.open(str(folder), readonly=True, lock=False) as environment:
        assert environment.info()["last_pgno"] == last + 3
    assert len(open_source(str(folder)).lines) == 5


def write_parquet(folder: Path, images: object, texts: object) -> Path:
    pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    from pyarrow import parquet

    folder.mkdir()
    parquet.write_table(pa.table({"image": images, "text": texts}), folder / "train.parquet")
    return folder


@pytest.mark.parametrize("image", [10**12, 5, 2.5, [1, 2, 3], True])
def test_an_image_column_without_images_is_left_out(tmp_path: Path, image: object) -> None:
    folder = write_parquet(tmp_path / "set", [image, image], ["a", "b"])
    for line in open_source(str(folder)).lines:
        assert decode_line(line, 32) == "image is not the content of an image file"


MEMORY = """
import resource, sys
from trainers.data.source_registry import open_source
from trainers.base.errors import UserError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    found = open_source(sys.argv[1])
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_small_table_of_long_equal_labels_takes_little_memory(tmp_path: Path) -> None:
    """300 labels of 2 MiB are 600 MiB, and one of them in a dictionary."""
    pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["x" * (2 << 20)]))
    folder = write_parquet(tmp_path / "set", pa.array([encoded()] * 300), texts)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 20 << 20
    ended = subprocess.run([sys.executable, "-c", MEMORY, str(folder)], capture_output=True, text=True, check=True)
    words, used_mib = ended.stdout.splitlines()
    assert "no line with a label" in words and int(used_mib) < 300


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"search": {"seed": 10**22}}, "search.seed must be a whole number from 0 to 4294967295"),
        ({"search": {"workers": 10**6}}, "search.workers"),
        ({"data": {"rendered": {"count": 10**9}}}, "count"),
    ],
)
def test_numbers_without_sense_are_refused_at_once(table: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        resolve(table, "study.toml")


def test_the_command_line_refuses_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--seed", "99999999999999999999999"]) == 2
    assert "seed" in capsys.readouterr().err
