"""LCBench as a search problem: a published surrogate of the learning curves of neural networks on 34 data sets.

Seven parameters of a multi-layer perceptron, 52 epochs; the validation error is to be minimised against the number of weights,
which is known before training. The surrogate is an ONNX file of 2 MB from YAHPO Gym's data repository
(https://github.com/slds-lmu/yahpo_data, folder `lcbench`, Apache 2.0); its folder is given with `--yahpo` or in PARETEXT_YAHPO.

Source: Zimmer, Lindauer & Hutter 2021 (Auto-PyTorch, LCBench); Pfisterer et al. 2022 (YAHPO Gym, arXiv:2109.03670).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from benchmarks.search_efficiency.problems import Pair, Params, Problem, corners

FOLDER = "PARETEXT_YAHPO"
"""Environment variable with the folder that holds `lcbench/`."""
TASKS = ("3945", "7593", "126026", "167190", "168330", "189906")
"""OpenML tasks that are searched: every sixth of the 34, from the first."""
EPOCHS = 52
SMALLEST_LAYER = 32
"""Units of the last layer of the funnel whose weights are counted."""
DRAWN = 20_000
"""Random parameters whose best hypervolume counts as 1."""

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "batch_size": IntDistribution(16, 512, log=True),
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "momentum": FloatDistribution(0.1, 0.99),
    "weight_decay": FloatDistribution(1e-5, 1e-1),
    "num_layers": IntDistribution(1, 5),
    "max_units": IntDistribution(64, 1024, log=True),
    "max_dropout": FloatDistribution(0.0, 1.0),
}
"""In the order of the surrogate's inputs."""


def weights_of(params: Params) -> float:
    """Weights between the layers of a funnel from `max_units` to `SMALLEST_LAYER` units, and to 10 outputs."""
    units = np.linspace(params["max_units"], SMALLEST_LAYER, int(params["num_layers"]) + 1)
    return float((units[:-1] * units[1:]).sum() + 10 * units[-1])


def lcbench(task: str) -> Problem:
    """One of the data sets.

    Args:
        task: number of an OpenML task, such as "3945".
    """
    import onnxruntime

    folder = Path(os.environ[FOLDER]) / "lcbench"
    number = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))["OpenML_task_id"][task]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    names = ("epoch", *DISTRIBUTIONS)

    def errors(rows: Any) -> Any:
        values = np.asarray(rows, dtype=np.float32).reshape(-1, len(names))
        tasks = np.full((len(values), 1), number, dtype=np.int32)
        return 1.0 - session.run(None, {"x_cat": tasks, "x_cont": values})[0][:, 1] / 100.0  # the first output is the time

    def seen(params: Params, epoch: int) -> Pair:
        row = {**params, "epoch": epoch}
        return float(errors([[row[name] for name in names]])[0]), weights_of(params)

    drawn = _drawn()
    found = errors([[{**params, "epoch": EPOCHS}[name] for name in names] for params in drawn])
    full = [(float(error), weights_of(params)) for error, params in zip(found, drawn, strict=True)]
    low, high = corners(full)
    problem = Problem(f"LCBench {task}", EPOCHS, dict(DISTRIBUTIONS), seen, ("linear", "log"), low, high)
    problem.best = problem.volume(full)
    problem.known_objectives, problem.costs = (1,), lambda params: ((weights_of(params),), True)
    problem.best_values = {0: 0.0}
    return problem


def _drawn() -> list[dict[str, Any]]:
    """Random parameters, uniform on their scales."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for name, distribution in DISTRIBUTIONS.items():
        share, low, high = rng.random(DRAWN), distribution.low, distribution.high  # type: ignore[attr-defined]
        log = getattr(distribution, "log", False)
        column = low * (high / low) ** share if log else low + (high - low) * share
        columns[name] = np.round(column).astype(int) if isinstance(distribution, IntDistribution) else column
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
