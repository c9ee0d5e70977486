"""Inputs that a fuzzer (`benchmarks/fuzz`) or a stranger has found to end in a traceback: read, or refused in one line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from testing.small_model import small_model_metadata
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.base.preprocess import fit_height
from trainers.data.decoding import decode_line
from trainers.data.kinds import data_kinds
from trainers.data.lines import Line
from trainers.data.source_registry import find_source, own_validation
from trainers.export.plain import plain_bytes
from trainers.inference.model_metadata import decode_metadata, encode_metadata
from trainers.inference.reader import Reader

LABEL_FILES: list[tuple[str, str, bytes]] = [
    ("hf", "state.json", b"0"),
    ("hf", "state.json", b'{"_data_files": [{"filename": "data.arrow", "x"}]}'),
    ("hf", "state.json", b'{"_data_files": [{"name": "data.arrow"}]}'),
    ("hf", "state.json", b'{"_data_files": [5]}'),
    ("hf", "state.json", b'{"_data_files": "\xff"}'),
    ("hf", "state.json", b"[" * 100_000),
    ("csv", "labels.csv", b"filename,wor\rds\n0.png,a\n"),
    ("csv", "labels.csv", b"filename,width,words\n0.png,5,a\rb\n"),
]
"""Kind of a source, name of the file and its content."""


@pytest.mark.parametrize(("kind", "name", "content"), LABEL_FILES)
def test_label_files(tmp_path: Path, kind: str, name: str, content: bytes) -> None:
    Image.new("L", (40, 16), 255).save(tmp_path / "0.png")
    (tmp_path / name).write_bytes(content)
    own_validation(str(tmp_path))
    for found in (lambda: find_source(str(tmp_path)), lambda: data_kinds[kind]().open(tmp_path, None)):
        with pytest.raises(UserError) as refused:
            found().read()
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


UPRIGHT = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0"
"""EXIF with one tag, the orientation, which is 1."""
ORIENTATIONS: dict[str, bytes] = {
    "no header": b"garbage!",
    "another order of bytes": b"XX" + UPRIGHT[2:],
    "half a header": b"II",
    "no tags": UPRIGHT[:8],
    "half a tag": UPRIGHT[:14],
    "tags elsewhere": UPRIGHT[:4] + b"\xff\xff\xff\xff" + UPRIGHT[8:],
    "a number of another length": UPRIGHT[:12] + b"\0\x05" + UPRIGHT[14:],
    "no number": UPRIGHT[:12] + b"\0\x02" + UPRIGHT[14:],
    "no value": UPRIGHT[:17] + b"\0" + UPRIGHT[18:],
    "two values": UPRIGHT[:17] + b"\x02" + UPRIGHT[18:],
    "more values than bytes": UPRIGHT[:14] + b"\xff" + UPRIGHT[15:],
    "an orientation that there is not": UPRIGHT[:19] + b"\x09" + UPRIGHT[20:],
}
"""EXIF in which no orientation can be read."""


def line_with_exif(form: str, exif: bytes) -> bytes:
    """A line of noise, the same one in each call, with this EXIF."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 60, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, form, exif=b"Exif\0\0" + exif)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("damage", ORIENTATIONS)
def test_an_orientation_that_cannot_be_read_is_ignored(form: str, damage: str, recwarn: pytest.WarningsRecorder) -> None:
    plain, damaged = line_with_exif(form, UPRIGHT), line_with_exif(form, ORIENTATIONS[damage])
    image = decode_image(damaged)
    for _ in ("once", "again"):
        assert np.array_equal(fit_height(image, 32), fit_height(decode_image(plain), 32))
    line, same = (decode_line(Line("x", "a", lambda data=data: decode_image(data)), 16) for data in (damaged, plain))
    assert line == same and not isinstance(line, str)
    assert not recwarn.list


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_an_orientation_beside_a_damaged_tag_is_applied(form: str) -> None:
    damaged = b"\x01\x52\0\x02\0\0\0\x02A\0\0\0"  # the kind of extra channels as text, which Pillow cannot write
    turned = UPRIGHT[:9] + b"\x02" + UPRIGHT[10:19] + b"\x06" + UPRIGHT[20:22] + damaged + bytes(4)
    image = decode_image(line_with_exif(form, turned))
    assert fit_height(image, 60).shape == (60, 32, 3)
    assert decode_line(Line("x", "a", lambda: image), 60).size == (32, 60)  # type: ignore[union-attr]


METADATA: list[dict[str, str]] = [
    {"time_stride": "0"},
    {"time_stride": "-4"},
    {"height_px": "0"},
    {"height_px": "9" * 9},
    {"height_px": "9" * 5000},
    {"charset": "7"},
    {"charset": '["ab"]'},
    {"charset": '[["a"]]'},
    {"charset": '""'},
    {"charset": "[" * 100_000},
    {"architecture": "[]"},
    {"lineage": "3"},
    {"format": "x\n" * 1000},
]
"""Entries of the metadata of a file that say something impossible."""


@pytest.mark.parametrize("changes", METADATA, ids=lambda changes: str(changes)[:40])
def test_metadata(changes: dict[str, str]) -> None:
    with pytest.raises(UserError) as refused:
        decode_metadata(encode_metadata(small_model_metadata(), "fp32", {}) | changes, "x.onnx")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_a_height_that_the_network_does_not_have(tmp_path: Path) -> None:
    model = onnx.load(tiny_model(tmp_path / "tiny.onnx"))
    (entry,) = (prop for prop in model.metadata_props if prop.key == "height_px")
    entry.value = "31"
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="does not run"):
        Reader(tmp_path / "other.onnx").read([np.zeros((20, 50), np.uint8)])


def test_an_architecture_that_nobody_knows(tmp_path: Path) -> None:
    model = onnx.load(tiny_model(tmp_path / "tiny.onnx"))
    (entry,) = (prop for prop in model.metadata_props if prop.key == "architecture")
    entry.value = '{"bacrune_percent": 25, "precision": "int8"}'
    onnx.save(model, tmp_path / "other.onnx")
    assert Reader(tmp_path / "other.onnx").read([]) == []
    with pytest.raises(UserError, match=r"other.onnx names cannot be built: no field is called 'bacrune_percent'"):
        plain_bytes(tmp_path / "other.onnx", "fp16")


def test_a_network_that_gives_no_logits(tmp_path: Path) -> None:
    model = onnx.load(tiny_model(tmp_path / "tiny.onnx"))
    output = model.graph.output[0]
    node = onnx.helper.make_node("ReduceMean", [output.name], ["flat"], keepdims=0)
    model.graph.node.append(node)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("flat", onnx.TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="no logits"):
        Reader(tmp_path / "other.onnx").read([np.zeros((20, 50), np.uint8)])


CELLS: list[Any] = [[[1, 2], [3]], [["a", "b"], ["c", "d"]], None, {"x": 1}, [[1e400]], [[None]]]
"""Cells of the table that a served model takes."""


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_cells_of_a_request(cell: Any) -> None:
    pytest.importorskip("mlflow")
    from studies.registry.pyfunc_model import _image

    with pytest.raises(UserError, match="row 1"):
        _image(cell, 1)
