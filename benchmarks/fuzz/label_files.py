"""Label files of every kind of source: the first byte chooses the kind, the rest is the content of the file."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image

from trainers.base.errors import UserError
from trainers.data.charset import Charset
from trainers.data.checks.label_checks import label_findings, visible
from trainers.data.kinds import data_kinds
from trainers.data.labels_beside import LabelsBeside
from trainers.data.lines import control_character, without_tabs
from trainers.data.normalisers import NORMALISERS, normalise
from trainers.data.source_registry import find_source, own_validation

FILES = (
    ("paddle", "labels.txt"),
    ("trdg", "labels.txt"),
    ("icdar", "gt.txt"),
    ("csv", "labels.csv"),
    ("doctr", "labels.json"),
    ("pairs", "0.gt.txt"),
    ("hf", "state.json"),
    ("hf", "train.parquet"),
    ("hf", "data.arrow"),
    (None, "charset.txt"),
    (None, "labels.txt"),
)
"""Kind of a source and the file that is fuzzed; None is a charset file, and the truth beside an image."""

FOLDER = Path(tempfile.mkdtemp(prefix="paretext-fuzz-"))
TEXTS = ("plain", "zwei Wörter", 'a, b; "c"', "汉字，國", "e\u0301")


def seeds() -> Iterator[bytes]:
    rows = {
        "paddle": "".join(f"{n}.png\t{text}\n" for n, text in enumerate(TEXTS)) + '["1.png", "2.png"]\tx\n',
        "trdg": "".join(f"{n}.png {text}\n" for n, text in enumerate(TEXTS)),
        "icdar": "".join(f'{n}.png, "{text}"\n' for n, text in enumerate(TEXTS)) + '3.png, "###"\n',
        "csv": "filename,words\n" + "".join(f"{n}.png,{text}\n" for n, text in enumerate(TEXTS)),
        "doctr": json.dumps({f"{n}.png": text for n, text in enumerate(TEXTS)}),
        "pairs": TEXTS[1],
    }
    for number, (kind, name) in enumerate(FILES):
        if kind in rows:
            yield bytes([number]) + rows[kind].encode()
        elif name == "state.json":
            yield bytes([number]) + b'{"_data_files": [{"filename": "data.arrow"}]}'
        elif kind == "hf":
            yield bytes([number]) + _table(name)
        else:
            yield bytes([number]) + (b"a\nb\n \n" if name == "charset.txt" else rows["paddle"].encode())
    yield bytes([3]) + b'image;width;text\n0.png;3;"a;b"\n'


def _table(name: str) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"image": [b"x", b"y"], "text": ["a", None]})
    sink = io.BytesIO()
    if name.endswith(".parquet"):
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _prepare(number: int) -> Path:
    folder = FOLDER / str(number)
    if not folder.exists():
        folder.mkdir()
        for name in ("0.png", "1.png", "2.png"):
            Image.new("L", (40, 16), 255).save(folder / name)
        if FILES[number][1] == "data.arrow":
            (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
        if FILES[number][1] == "state.json":
            (folder / "data.arrow").write_bytes(_table("data.arrow"))
    return folder


def try_one(data: bytes) -> None:
    if not data:
        return
    number = data[0] % len(FILES)
    kind, name = FILES[number]
    folder = _prepare(number)
    (folder / name).write_bytes(data[1:])
    if kind is None:
        if name == "charset.txt":
            Charset.from_file(folder / name).mapped("aＡé國")
        else:
            LabelsBeside().label_of(folder / "0.png")
        return
    data_kinds[kind]().looks_like(folder)
    own_validation(str(folder))
    _ignoring(lambda: find_source(str(folder)))
    source = data_kinds[kind]().open(folder, None)
    source.fingerprint()
    _ignoring(lambda: source.column("text") if hasattr(source, "column") else None)
    lines = source.read().lines
    texts = [normalise(n, line.text.strip()) for n in NORMALISERS for line in lines]
    list(label_findings([visible(line.text) for line in lines]))
    Charset.from_texts([text for text in map(without_tabs, texts) if control_character(text) is None]).outside("abc")
    "".join(texts).encode()  # a model file holds its characters as UTF-8


def _ignoring(work: Callable[[], object]) -> None:
    """Runs what may refuse an input, after which the target goes on."""
    with suppress(UserError):
        work()
