"""Study files (TOML), stored studies (JSON) and files of architectures: the first byte chooses."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from search_space import Architecture
from search_space.units import parse_size
from studies.definition.architecture_file import read_configurations
from studies.definition.durations import parse_duration
from studies.definition.study import resolve, stored_study
from studies.definition.study_file import BUILT_IN, load_study

FOLDER = Path(tempfile.mkdtemp(prefix="paretext-fuzz-"))
WORDS = """
name = "s"
data = { source = "digits", weights = [1.0], group = "folder", unknown = "map", rendered = { count = 5 } }
limits = { size = "500KB", latency = "5ms", parameters = "1M" }
budget = { trials = 3, epochs = 2, time = "10m" }
search = { sampler = "random", objectives = ["accuracy", "size"], inherit = "always", begin = "random", workers = 2, seed = 1 }
recipe = { preset = "anytime", learning_rate = [0.001, 0.002], batch_lines = 16 }
[space]
width_percent = [25, 50]
encoder = ["none", "gru"]
"""


def seeds() -> Iterator[bytes]:
    built_in = BUILT_IN.read_text()
    yield b"\x00" + built_in.encode()
    yield b"\x00" + "".join(line for line in built_in.splitlines(True) if not line.startswith("#")).encode()
    yield b"\x00" + WORDS.encode()
    yield b"\x01" + json.dumps(resolve({}, "seed").model_dump(mode="json")).encode()
    yield b"\x02" + b'backbone = "lcnet"\nwidth_percent = 25\n'
    yield b"\x02" + b'[[architecture]]\nneck = "fpn_a"\nprecision = "int8"\n'
    yield b"\x03" + json.dumps([{"architecture": Architecture().as_dict(), "recipe": {"learning_rate": 0.001}}]).encode()
    yield b"\x041.5MiB\x00"
    yield b"\x0490m"


def try_one(data: bytes) -> None:
    if not data:
        return
    what, content = data[0] % 5, data[1:]
    if what == 1:
        try:
            values = json.loads(content)
        except (ValueError, RecursionError):
            return
        if isinstance(values, dict):
            stored_study(values, "s")
        return
    if what == 4:
        for parse in (parse_size, parse_duration):
            with suppress(ValueError):  # the command line shows its text
                parse(content.decode(errors="replace"))
        return
    file = FOLDER / f"{what}{'.json' if what == 3 else '.toml'}"
    file.write_bytes(content)
    if what == 0:
        study = load_study(file)
        assert study.joint_space is not None and study.objectives and study.training_recipe is not None
        stored_study(json.loads(study.model_dump_json()), "s")
    else:
        read_configurations(file)
