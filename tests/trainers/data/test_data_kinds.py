"""Every kind of data source keeps the contract, the example of somebody else's included."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from testing.data_kind_contract import DataKindContract, write_image
from trainers.data.kinds import data_kinds
from trainers.data.source_registry import open_source

EXAMPLE = Path(__file__).parents[3] / "examples" / "data_kind.py"


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_data_kind", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def listed(file: str, row: Callable[[str, str], str]) -> Callable[[Path, list[str]], Path]:
    """Writes images and a list of them, one row a line."""

    def write(folder: Path, texts: list[str]) -> Path:
        for number, _ in enumerate(texts):
            write_image(folder / f"{number}.png", number)
        rows = [row(f"{number}.png", text) for number, text in enumerate(texts)]
        (folder / file).write_text("\n".join(rows) + "\n", encoding="utf-8")
        return folder

    return write


def _csv_row(name: str, text: str) -> str:
    quoted = text.replace('"', '""')
    return f'{name},40,"{quoted}"'


class TestPairs(DataKindContract):
    kind = data_kinds["pairs"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        for number, text in enumerate(texts):
            write_image(folder / f"{number}.png", number)
            (folder / f"{number}.gt.txt").write_text(text, encoding="utf-8")
        return folder


class TestPaddle(DataKindContract):
    kind = data_kinds["paddle"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        return listed("labels.txt", "{}\t{}".format)(folder, texts)


class TestTrdg(DataKindContract):
    kind = data_kinds["trdg"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        return listed("labels.txt", "{} {}".format)(folder, texts)


class TestIcdar(DataKindContract):
    kind = data_kinds["icdar"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        return listed("gt.txt", lambda name, text: f"{name}, {json.dumps(text, ensure_ascii=False)}")(folder, texts)


class TestDoctr(DataKindContract):
    kind = data_kinds["doctr"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        for number, _ in enumerate(texts):
            write_image(folder / "images" / f"{number}.png", number)
        labels = {f"{number}.png": text for number, text in enumerate(texts)}
        (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
        return folder


class TestTable(DataKindContract):
    kind = data_kinds["csv"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        listed("metadata.csv", _csv_row)(folder, texts)
        table = folder / "metadata.csv"
        table.write_text("file_name,width,text\n" + table.read_text(encoding="utf-8"), encoding="utf-8")
        return folder


class TestLmdb(DataKindContract):
    kind = data_kinds["lmdb"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        lmdb = pytest.importorskip("lmdb", reason="needs the package lmdb")
        folder.mkdir()
        with lmdb.open(str(folder), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
            for number, text in enumerate(texts):
                write_image(folder.parent / "image.png", number)
                key = f"{number + 1:09d}"
                transaction.put(f"image-{key}".encode(), (folder.parent / "image.png").read_bytes())
                transaction.put(f"label-{key}".encode(), text.encode())
            transaction.put(b"num-samples", str(len(texts)).encode())
        return folder


class TestArrow(DataKindContract):
    kind = data_kinds["hf"]

    def write(self, folder: Path, texts: list[str]) -> Path:
        pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        from pyarrow import parquet

        folder.mkdir()
        images = []
        for number, _ in enumerate(texts):
            write_image(folder.parent / "image.png", number)
            images.append({"bytes": (folder.parent / "image.png").read_bytes(), "path": None})
        column = pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
        parquet.write_table(pa.table({"image": column, "text": texts}), folder / "train-00000.parquet")
        return folder


class TestTheExample(DataKindContract):
    kind = example().JsonLinesKind

    def write(self, folder: Path, texts: list[str]) -> Path:
        return listed("labels.jsonl", lambda name, text: json.dumps({"image": name, "text": text}))(folder, texts)


def test_every_kind_is_held_to_the_contract() -> None:
    tested = {suite.kind for suite in DataKindContract.__subclasses__()}
    assert {data_kinds[name] for name in data_kinds} <= tested


def test_a_kind_of_somebody_else_is_named_and_found_by_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = TestTheExample().write(tmp_path / "lines", ["one", "two"])
    monkeypatch.setattr(data_kinds, "_registered", {**data_kinds._registered, "jsonl": example().JsonLinesKind})
    for source in (f"jsonl:{folder}", str(folder)):
        assert [line.text for line in open_source(source).lines] == ["one", "two"]
