"""Runs one target with atheris: `python -m benchmarks.fuzz.one TARGET FOLDER [libFuzzer's options]`.

An exception other than `UserError` is a finding. It is written into FOLDER/findings, once for each place that raises, and the
run goes on; libFuzzer itself writes what ends the process (a signal, a hang, memory) into FOLDER.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[2]
INSTRUMENTED = ("search_space", "trainers", "studies", "dashboards", "PIL")
"""Packages whose branches guide the fuzzer. Code in C and C++ (Pillow's decoders, ONNX Runtime, Arrow) is run but does not."""


def place_of(error: Exception) -> str:
    """The type of an exception and the last line of this repository that it passed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(ROOT)]
    last = frames[-1]
    return f"{type(error).__name__} {Path(last.filename).relative_to(ROOT)}:{last.lineno}"


def recording(try_one: Callable[[bytes], None], findings: Path) -> Callable[[bytes], None]:
    """A target that writes findings instead of raising them."""
    from trainers.base.errors import UserError

    findings.mkdir(parents=True, exist_ok=True)
    known: set[str] = set()

    def run(data: bytes) -> None:
        try:
            try_one(data)
        except UserError as error:
            if "\n" in str(error):
                (findings / "message_of_several_lines.bin").write_bytes(data)
        except Exception as error:
            place = place_of(error)
            if place not in known:
                known.add(place)
                file = findings / hashlib.sha256(place.encode()).hexdigest()[:12]
                file.with_suffix(".bin").write_bytes(data)
                file.with_suffix(".txt").write_text(f"{place}\n{''.join(traceback.format_exception(error))}", errors="replace")

    return run


def main() -> None:
    name, folder, options = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        target = importlib.import_module(f"benchmarks.fuzz.{name}")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed{number:03d}").write_bytes(seed)
    words = [sys.argv[0], str(corpus), f"-artifact_prefix={folder}/", "-print_final_stats=1", *options]
    atheris.Setup(words, recording(target.try_one, folder / "findings"))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
