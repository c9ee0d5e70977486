"""The finish: one training, coded with several steps, with and without it.

    python -m benchmarks.precision.finish NAME --data SOURCE [--validation SOURCE] [--charset FILE] [--architecture FIELDS]
        [--epochs 2] [--finish 2] [--once 70] [--steps 18 35 50 70 100] [--ways plain annealed once finished] [--seed 0]
        [--out runs/finish]

Trains a network from starter weights, once; the folder of the training is kept. `plain` stores its weights, `annealed` has a
finish without rounding for all files, which shows what its epochs do by themselves,
`once` has one finish with the step `--once` for all files, and `finished` has a finish of its own for each file. McNemar's test
compares each file with the fp32 file of the training.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dashboards.cli.architecture_argument import read_architecture
from search_space.coded_precision import coded_precision
from search_space.recognizer import Recognizer
from trainers.base.recipe import find_recipe
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.measure import read_all
from trainers.evaluation.metrics import as_labels, score
from trainers.evaluation.uncertainty import mcnemar_p
from trainers.export.onnx_file import graph_of, write
from trainers.export.size_estimate import estimate_bytes
from trainers.export.trained_metadata import metadata_of
from trainers.inference.reader import Reader
from trainers.inherit.parent import Parent
from trainers.quantisation.finish import finish
from trainers.training.loop import load_result
from trainers.trial.run import TrialJob, run_trial, training_job

WAYS = ("plain", "annealed", "once", "finished")
"""What is done to the weights before they are coded."""


class Files:
    """Writes and reads the files of one training.

    Args:
        job: the training.
        prepared: its lines.
    """

    def __init__(self, job: TrialJob, prepared: LineDataset) -> None:
        self._job, self._prepared = job, prepared
        self._truths = [prepared.validation.text(i) for i in range(len(prepared.validation))]
        self._right: list[bool] = []

    def row(self, label: str, recognizer: Recognizer, precision: str) -> str:
        """A row of the README's table; the first row is what all others are compared with."""
        architecture = self._job.architecture.with_(precision=precision)
        metadata = metadata_of(recognizer, architecture, self._prepared, self._job.data.normaliser)
        path = self._job.folder / f"{label.replace(' ', '-')}-{precision}.onnx"
        write(graph_of(recognizer, metadata.height_px), path, metadata, precision)
        texts = as_labels(read_all(Reader(path, self._job.threads), self._prepared.validation), self._prepared.validation)
        right = [text == truth for text, truth in zip(texts, self._truths, strict=True)]
        self._right = self._right or right
        lost, won = (sum(a is was and b is not was for a, b in zip(self._right, right, strict=True)) for was in (True, False))
        found, size, charset = score(self._truths, texts), path.stat().st_size, self._prepared.charset
        expected = estimate_bytes(architecture, len(charset), "".join(charset.symbols))
        return (
            f"| {precision} | {label} | {size:,} | {size / expected - 1:+.1%} | {found.accuracy:.1%} | {found.cer:.2%} | "
            f"{lost} | {won} | {mcnemar_p(lost, won):.2g} |"
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the training's folder")
    parser.add_argument("--data", required=True, help="source of the training lines")
    parser.add_argument("--validation", help="source of the validation lines, where it is apart")
    parser.add_argument("--charset", help="file with a character in each row, instead of those of the training lines")
    parser.add_argument("--architecture", default="width_percent=25,encoder=svtr,encoder_hidden=48", help="fields and values")
    parser.add_argument("--epochs", type=int, default=2, help="of the training (2)")
    parser.add_argument("--finish", type=int, default=2, help="epochs of the finish (2)")
    parser.add_argument("--steps", type=int, nargs="+", default=[18, 35, 50, 70, 100], help="in percent")
    parser.add_argument("--once", type=int, default=70, help="step of the one finish for all files, in percent (70)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/finish"))
    given = parser.parse_args()
    data = DataSpec(training=given.data, validation=given.validation, charset=given.charset)
    folder, recipe = given.out / f"{given.name}-{given.seed}", find_recipe("anytime")
    job = TrialJob(
        read_architecture(given.architecture), data, given.out / "cache", recipe, given.epochs, folder, given.seed,
        parents=(Parent("starter"),),
    )  # fmt: skip
    began = time.monotonic()
    run_trial(job, lambda report: print(f"epoch {report.epoch}: {report.accuracy:.1%}", flush=True) is None)
    print(f"trained in {time.monotonic() - began:.0f} s")
    print_rows(job, prepare(data, job.cache_folder), given.steps, given.ways, given.finish, given.once)


def print_rows(
    job: TrialJob, prepared: LineDataset, steps: Sequence[int], ways: Sequence[str], epochs: int, once_percent: int
) -> None:
    """Prints a row for each precision and way."""
    training = training_job(job, prepared)
    trained, files = load_result(training).recognizer, Files(job, prepared)
    finishing = replace(training, recipe=training.recipe.with_(finish_epochs=epochs))
    annealed = finish(trained, finishing, job.epochs, None) if "annealed" in ways else None
    once = finish(trained, finishing, job.epochs, coded_precision(once_percent)) if "once" in ways else None
    print("| precision | weights | bytes | than estimated | right | CER | lost | won | p |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for precision in ("fp32", "int8"):
        print(files.row("plain", trained, precision), flush=True)
    for way, network in (("annealed", annealed), ("once", once)):
        if network is not None:
            for precision in ("fp32", "int8"):
                print(files.row(way, network, precision), flush=True)
    for precision in map(coded_precision, steps):
        if "plain" in ways:
            print(files.row("plain", trained, precision), flush=True)
        if annealed is not None:
            print(files.row("annealed", annealed, precision), flush=True)
        if once is not None:
            print(files.row("once", once, precision), flush=True)
        if "finished" in ways:
            began = time.monotonic()
            finished = finish(trained, finishing, job.epochs, precision)
            print(files.row("finished", finished, precision), f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
