"""Real searches with and without inherited weights: hypervolume on test lines against epochs trained.

    python -m benchmarks.inherited_search.run --out OUT --fraktur DIR [--data digits codes fraktur] [--seeds 0 1 2]
        [--forms neither starter relatives both end] [--epochs 60]
    python -m benchmarks.inherited_search.run --out OUT --summary

neither     random weights
starter     every network begins with the starter weights
relatives   a network may begin with a training of its own study, else with random weights
both        a network begins with a training of its own study or with the starter weights, whichever is better
end         starter weights; in the last quarter of the epochs both, for children of neighbours on the front

Decisions:
- A search is that of a study with a file of its own: MobileNetV3-small of 15 to 50 %, of which an epoch takes some ten seconds,
  one worker, and so many epochs in all. An epoch of a data set shows equally many lines in each form, so epochs are lines
  shown. Those that the starter weights were trained on do not count: they are trained once, for all users.
- Each file that a search measures is read on test lines that the search does not know. The hypervolume is that of the fraction
  of test lines misread and the logarithmic bytes of all files measured so far, in a fixed box.
- A search that has ended is not run again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.anytime.lines import open_problem
from studies import search
from studies.objectives.pareto import hypervolume
from studies.registry.tracker import NoTracker
from studies.run.observer import SilentObserver
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from trainers.base.progress import EpochReport
from trainers.data.dataset import LineDataset
from trainers.evaluation.measure import score_file

FORMS: dict[str, dict[str, str]] = {
    "neither": {"begin": "random", "inherit": "never"},
    "starter": {"begin": "starter", "inherit": "never"},
    "relatives": {"begin": "random", "inherit": "always"},
    "both": {"begin": "starter", "inherit": "always"},
    "end": {"begin": "starter", "inherit": "end"},
}
SPACE: dict[str, list[str | int]] = {
    "backbone": ["mobilenetv3_small"],
    "width_percent": [15, 25, 50],
    "neck": ["none", "fpn_a"],
    "attention": ["squeeze_excite", "coordinate", "eca"],
    "encoder": ["gru", "svtr"],
    "encoder_hidden": [48, 64, 96],
    "encoder_layers": [1, 2],
    "precision": ["fp32", "int8"],
}
SMALLEST_BYTES, LARGEST_BYTES = 30_000, 3_000_000
"""The box of the hypervolume: files of the space lie between."""
LONGEST = 20
"""Epochs of a full training."""
FRACTIONS = (0.1, 0.25, 0.5, 1.0)


@dataclass
class Recorder(SilentObserver):
    """Reads every file that a search measures on the test lines, and notes how many epochs had been trained until then.

    Attributes:
        workspace: where the files are.
        test: the dataset whose validation lines are the test lines.
        epochs: trained so far.
        files: epochs, bytes, and fraction of test lines misread of each file.
    """

    workspace: Workspace
    test: LineDataset
    epochs: int = 0
    files: list[tuple[int, int, float]] = field(default_factory=list)
    reached: dict[int, int] = field(default_factory=dict)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        self.epochs += max(0, report.epoch - self.reached.get(number, 0))
        self.reached[number] = max(report.epoch, self.reached.get(number, 0))

    def trial_closed(self, trial: StoredTrial) -> None:
        outcome = trial.outcome
        if isinstance(outcome, Measured | CheckpointOf | PrecisionVariantOf):
            lines = self.test.validation
            wrong = 1.0 - score_file(self.workspace.folder / outcome.model, lines).accuracy
            self.files.append((self.epochs, outcome.measurement.size_bytes, wrong))


def run(name: str, form: str, seed: int, epochs: int, out: Path, test: LineDataset) -> dict[str, Any]:
    """One search, from an empty workspace."""
    home = out / "runs" / f"{name}-{form}-{seed}"
    shutil.rmtree(home, ignore_errors=True)
    workspace = Workspace(home).prepare()
    lines = out / "lines" / name
    recorder = Recorder(workspace, test)
    study = {
        "name": "inherited",
        "data": {"source": str(lines / "training"), "validation": str(lines / "validation"), "test": False},
        "budget": {"trials": 1000, "epochs": LONGEST, "total_epochs": epochs},
        "search": {"seed": seed, "workers": 1, "early_stopping": "gain", **FORMS[form]},
        "space": SPACE,
    }
    search(study, workspace, recorder, tracker=NoTracker())
    return {"data": name, "form": form, "seed": seed, "epochs": epochs, "files": recorder.files}


def volume(files: list[list[float]], until: float) -> float:
    """Hypervolume of the files that were there after so many epochs, as a fraction of the box."""
    span = math.log(LARGEST_BYTES / SMALLEST_BYTES)
    points = [(wrong, math.log(size / SMALLEST_BYTES) / span) for at, size, wrong in files if at <= until]
    return hypervolume([p for p in points if max(p) < 1.0], (1.0, 1.0)) if points else 0.0


def epochs_to(files: list[list[float]], wanted: float) -> float:
    """Epochs after which the hypervolume was first as large as `wanted`; infinite if it never was."""
    return next((at for at in sorted({row[0] for row in files}) if volume(files, at) >= wanted), math.inf)


def summary(out: Path) -> str:
    """Markdown, a row for each data set and form."""
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((out / "results").glob("*.json"))]
    found = {(r["data"], r["form"], r["seed"]): r for r in results}
    heads = [f"at {fraction:.0%} of the epochs" for fraction in FRACTIONS]
    rows = ["| data | form | seeds | " + " | ".join(heads) + " | epochs to the end of neither |"]
    rows.append("|---" * (len(FRACTIONS) + 4) + "|")
    for data, form in itertools.product(dict.fromkeys(r["data"] for r in results), FORMS):
        ran = [r for r in results if (r["data"], r["form"]) == (data, form)]
        if not ran:
            continue
        cells = []
        for fraction in FRACTIONS:
            values = [volume(r["files"], fraction * r["epochs"]) for r in ran]
            cells.append(f"{mean(values):.3f}" + (f" ± {stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""))
        ends = []
        for r in ran:
            if (base := found.get((data, "neither", r["seed"]))) is not None:
                ends.append(epochs_to(r["files"], volume(base["files"], base["epochs"])))
        reached = ", ".join(f"{end:g}" if end < math.inf else "not reached" for end in ends)
        rows.append(f"| {data} | {form} | {len(ran)} | {' | '.join(cells)} | {reached} of {ran[0]['epochs']} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fraktur", type=Path, help="folder with the training and testing lines of Fraktur")
    parser.add_argument("--data", nargs="+", choices=["digits", "codes", "fraktur"], default=["digits", "codes", "fraktur"])
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=60, help="epochs of a search, of all trainings together")
    parser.add_argument("--summary", action="store_true")
    asked = parser.parse_args()
    results = asked.out / "results"
    results.mkdir(parents=True, exist_ok=True)
    for seed, name, form in itertools.product(asked.seeds, asked.data, asked.forms) if not asked.summary else ():
        file = results / f"{name}-{form}-{seed}.json"
        if not file.exists():
            test = open_problem(name, asked.out, asked.fraktur, None)[1]
            found = run(name, form, seed, asked.epochs, asked.out, test)
            file.write_text(json.dumps(found) + "\n", encoding="utf-8")
            print(f"{file.stem}: {len(found['files'])} files", flush=True)
    print(summary(asked.out))


if __name__ == "__main__":
    main()
