"""Trains random architectures with random recipes for a few epochs; `report` says how much each choice explains.

    python -m benchmarks.recipe_space.run --out OUT [--data codes digits iiit5k] [--iiit5k DIR] [--trainings 60] [--epochs 4]
        [--begin starter|random]
    python -m benchmarks.recipe_space.report OUT

Decisions:
- Architectures are drawn from the default space up to 50 % width, without its precisions, which cost no training: an epoch of
  the largest network takes two minutes. Each searchable setting has the values of `LISTED`, in the middle that of the preset.
- Networks begin with the starter weights, as they do in a search, where there are some for their backbone.
- Every training has a seed of its own, so that the noise of a training is part of what is not explained.
- Only `codes` has drawn lines, 800 of them: there `drawn_share` is searched, too.
- If it is run again, it continues where it stopped: OUT/DATA.jsonl has a line for every finished training. More --trainings add
  to those that are there; other --epochs need another OUT.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path
from typing import Any

import torch

from benchmarks.small_data.codes import write_codes
from search_space import RefusedArchitecture
from search_space.recognizer import Recognizer
from studies.definition.joint_space import JointSpace
from studies.definition.study import DEFAULT_SPACE, resolve
from trainers.base.errors import TrainingFault
from trainers.base.progress import Report
from trainers.data.dataset import LineDataset, prepare
from trainers.data.rendered import Rendered
from trainers.data.spec import DataSpec
from trainers.inherit.parent import Parent
from trainers.inherit.starter import NAME as STARTER
from trainers.training.job import TrainingJob
from trainers.training.loop import train
from trainers.trial.initial_weights import inherit_from_first

DATA = ("codes", "digits", "iiit5k")
CODES = 300
"""Photographs of codes, as in task a of benchmarks/any_clock."""
DRAWN = 800
"""Lines drawn from the labels of the codes; only a search of `drawn_share` shows them more or less often."""
TRAINING_LINES = 2000
"""Most training lines, so that the data sets have epochs of equal length."""
WIDTHS = [15, 25, 50]
"""Widths that are drawn, in percent."""
LISTED: dict[str, list[float]] = {
    "learning_rate": [0.00125, 0.0025, 0.005, 0.01, 0.02],
    "weight_decay": [0.001, 0.01, 0.1],
    "batch_lines": [8, 16, 32],
    "augmentation": [0.0, 0.2, 0.4, 0.6, 0.8],
    "label_smoothing": [0.0, 0.05, 0.15],
    "join_share": [0.0, 0.2, 0.5],
}
"""Values of each setting: half and twice the preset, and twice that; from none to strong."""
DRAWN_SHARES = [0.0, 0.3, 0.6]
"""Values of `drawn_share` where there are drawn lines."""


def space_of(name: str) -> JointSpace:
    """What is drawn from: architectures of the default space in one precision, and recipe settings."""
    lists = LISTED | ({"drawn_share": DRAWN_SHARES} if name == "codes" else {})
    fields = {field: values for field, values in DEFAULT_SPACE.items() if field != "precision"} | {"width_percent": WIDTHS}
    return resolve({"recipe": {"preset": "anytime", **lists}, "space": fields}, "benchmarks.recipe_space").joint_space


def lines_of(name: str, out: Path, iiit5k: Path | None) -> LineDataset:
    """The lines of a data set, decoded once."""
    if name == "digits":
        spec = DataSpec(training="digits", training_lines=TRAINING_LINES)
    elif name == "codes":
        folder = out / "lines" / "codes"
        if not (folder.parent / "codes.complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            write_codes(folder, CODES, 0)
            (folder.parent / "codes.complete").touch()
        spec = DataSpec(training=str(folder), rendered=Rendered(count=DRAWN))
    elif iiit5k is None:
        raise SystemExit("iiit5k needs --iiit5k: the folder that holds its training words")
    else:
        spec = DataSpec(training=str(iiit5k / "train"), training_lines=TRAINING_LINES)
    return prepare(spec, out / "cache")


def drawn(space: JointSpace, count: int) -> list[dict[str, Any]]:
    """Parameters of so many random configurations that can be built; the same first ones for every count."""
    rng, found = random.Random(0), list[dict[str, Any]]()
    while len(found) < count:
        params = {name: rng.choice(space.choices[name]) for name in space.open_fields}
        try:
            space.configuration(params)
        except RefusedArchitecture:
            continue
        found.append(params)
    return found


def trained(
    space: JointSpace, params: dict[str, Any], number: int, data: LineDataset, epochs: int, folder: Path, begin: str
) -> float | None:
    """CER on the validation lines after the last epoch; None for a training that fails, as with a rate that is too high."""

    def inherited(network: Recognizer) -> None:
        inherit_from_first(network, [Parent(STARTER)], data)

    made = space.configuration(params)
    job = TrainingJob(made.architecture, data, space.recipe.recipe_of(made.recipe), epochs, folder, number)
    go_on: Report = lambda report: True  # noqa: E731
    try:
        result = train(job, go_on, begin=inherited if begin == STARTER else None)
    except TrainingFault as fault:
        print(f"training {number} fails: {fault}", flush=True)
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result.history[-1].cer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=["codes", "digits"])
    parser.add_argument("--iiit5k", type=Path)
    parser.add_argument("--trainings", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--begin", choices=(STARTER, "random"), default=STARTER)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.data:
        space, file = space_of(name), arguments.out / f"{name}.jsonl"
        done = len(file.read_text().splitlines()) if file.exists() else 0
        if done >= arguments.trainings:
            continue
        data = lines_of(name, arguments.out, arguments.iiit5k)
        for number, params in list(enumerate(drawn(space, arguments.trainings)))[done:]:
            folder = arguments.out / "trainings" / f"{name}-{number}"
            cer = trained(space, params, number, data, arguments.epochs, folder, arguments.begin)
            with file.open("a", encoding="utf-8") as results:
                results.write(json.dumps({"epochs": arguments.epochs, "cer": cer, "params": params}) + "\n")
            print(f"{name} {number}: CER {cer} {space.configuration(params).describe()}", flush=True)


if __name__ == "__main__":
    main()
