"""Real Fraktur lines: one model of at most 693,073 bytes against the published LSTM's character error rate of 1.089 %.

    python -m benchmarks.fraktur.run FOLDER --out OUT [--epochs 24] [--threads 1] [--device cuda]

FOLDER holds `training`, `testing` and `exclusively_for_testing`. Decisions:
- Trained on all of `training`, with the default recipe but for its even contrast, which black and white scans have no use for,
  and for its augmentation, which was 0.15 when the table was made. The weights are those of the last epoch. `testing` is read
  after each epoch for the curve alone: nothing is chosen by it.
- Error rates come from the exported file, over every line of a folder and every character of its truth, also those that
  training never had. CER is the sum of edit distances divided by the number of characters, as the published figure is.
- If it is run again, it continues after the last epoch in OUT; a finished training is only read again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image

from search_space import Architecture
from trainers.base.candidate import Candidate
from trainers.base.progress import EpochReport
from trainers.base.recipe import find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.metrics import score
from trainers.inference.reader import Reader
from trainers.trial.run import TrialJob, past_reports, run_trial

LIMIT_BYTES, LIMIT_CER = 693_073, 0.01089
MODEL = Architecture(width_percent=50, encoder="lstm", encoder_hidden=76, encoder_layers=2, precision="int8")
TESTS = ("testing", "exclusively_for_testing")
SUFFIX = ".gt.txt"


def read_folder(reader: Reader, folder: Path) -> dict[str, Any]:
    """CER and share of right lines over all pairs of a folder, and the readings that are wrong."""
    labels = sorted(folder.glob(f"*{SUFFIX}"))
    truths = [label.read_text(encoding="utf-8").strip() for label in labels]
    images = [Image.open(label.with_name(label.name.removesuffix(SUFFIX) + ".bin.png")).convert("RGB") for label in labels]
    readings = [reading.text for reading in reader.read(images)]
    found = score(truths, readings)
    wrong = [[truth, reading] for truth, reading in zip(truths, readings, strict=True) if truth != reading]
    return {
        "lines": found.lines,
        "characters": found.characters,
        "edits": found.edits,
        "cer": found.cer,
        "accuracy": found.accuracy,
        "wrong": wrong,
    }


def draw(history: list[EpochReport], out: Path) -> None:
    """The curve of CER after each epoch, with the published LSTM's."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot([r.epoch for r in history], [100 * r.cer for r in history], marker="o", label="Paretext, testing")
    axes.axhline(100 * LIMIT_CER, color="grey", linestyle="--", label=f"published LSTM, {100 * LIMIT_CER:.3f} %")
    axes.set(xlabel="epoch", ylabel="CER in percent", yscale="log")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(out / "curve.png", dpi=110)
    plt.close(figure)


def _history(kept: Path) -> list[EpochReport]:
    """The epochs of a training that is through: its checkpoint is gone, this file is not."""
    return [EpochReport(**past) for past in json.loads(kept.read_text(encoding="utf-8"))] if kept.exists() else []


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def training_job(asked: argparse.Namespace) -> TrialJob:
    return TrialJob(
        architecture=MODEL,
        data=DataSpec(
            training=str((asked.folder / "training").resolve()), validation=str((asked.folder / "testing").resolve())
        ),
        cache_folder=asked.out / "cache",
        recipe=find_recipe("paretext").with_(even_contrast=False, augmentation=0.15),
        epochs=asked.epochs,
        folder=asked.out / f"{MODEL.digest}-{asked.epochs}",
        threads=asked.threads,
        device=asked.device,
    )


def main() -> None:
    asked = arguments()
    job = training_job(asked)
    prepared = prepare(job.data, job.cache_folder)
    kept = asked.out / "history.json"
    history = list(past_reports(job, prepared)) or _history(kept)

    def report(epoch: EpochReport) -> bool:
        history[epoch.epoch - 1 :] = [epoch]
        kept.write_text(json.dumps([past.as_dict() for past in history], indent=1), encoding="utf-8")
        print(
            f"epoch {epoch.epoch} loss {epoch.loss:.2f} accuracy {100 * epoch.accuracy:.1f} % CER {100 * epoch.cer:.3f} % "
            f"{epoch.seconds:.0f} s",
            flush=True,
        )
        return True

    candidate = run_trial(job, report)
    assert isinstance(candidate, Candidate)
    reader = Reader(candidate.model, asked.threads)
    results: dict[str, Any] = {"architecture": MODEL.as_dict(), "bytes": candidate.model.stat().st_size}
    results |= {name: read_folder(reader, asked.folder / name) for name in TESTS}
    results["history"] = [epoch.as_dict() for epoch in history]
    (asked.out / "results.json").write_text(json.dumps(results, ensure_ascii=False, indent=1), encoding="utf-8")
    draw(history, asked.out)
    print(f"\n{MODEL.describe()}: {results['bytes']:,} bytes (at most {LIMIT_BYTES:,})")
    for name in TESTS:
        found = results[name]
        print(
            f"{name}: {found['lines']} lines, {100 * found['accuracy']:.1f} % right, "
            f"CER {found['edits']}/{found['characters']} = {100 * found['cer']:.3f} % (published {100 * LIMIT_CER:.3f} %)"
        )


if __name__ == "__main__":
    main()
