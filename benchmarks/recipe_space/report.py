"""How much of the variance of log CER each choice explains (functional ANOVA), and the mean CER of each of its values.

    python -m benchmarks.recipe_space.report OUT

Source: Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014, in the
implementation of Optuna, which fits a random forest.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial
from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]
from sklearn.model_selection import cross_val_predict  # type: ignore[import-untyped]

from benchmarks.recipe_space.run import DATA, space_of
from studies.samplers.front.encoding import SpaceEncoder
from studies.storage.distributions import distributions

FEWEST = 10
"""Trainings below which no importance is computed: a forest of fewer has nothing to learn from."""
LEAST_CER, FAILED_CER = 1e-3, 1.0
"""CERs count as at least this, so that a single line does not decide a logarithm; a failed training counts as one that reads
nothing."""


def importances(name: str, results: list[dict[str, Any]]) -> tuple[dict[str, float], float]:
    """The fraction of the variance of log CER that each parameter explains by itself, and R² of a forest on unseen trainings.

    Args:
        name: of the data set.
        results: of its trainings, at least `FEWEST`.

    Returns:
        Parameter to fraction, the largest first; and R² in tenfold cross-validation, 1 at best.
    """
    space = space_of(name)
    found = distributions(space)
    values = [math.log(max(LEAST_CER, FAILED_CER if r["cer"] is None else r["cer"])) for r in results]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    study.add_trials(
        [create_trial(params=r["params"], distributions=found, value=v) for r, v in zip(results, values, strict=True)]
    )
    fractions = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0), normalize=False)
    encoder = SpaceEncoder(found, space.scales)
    points = encoder.to_unit_cube(np.array([encoder.encode(r["params"]) for r in results]))
    forest = RandomForestRegressor(n_estimators=200, random_state=0)
    predicted = cross_val_predict(forest, points, values, cv=min(10, len(results)))
    unexplained = float(np.mean((np.array(values) - predicted) ** 2) / np.var(values))
    return dict(sorted(fractions.items(), key=lambda each: -each[1])), 1 - unexplained


def means(name: str, results: list[dict[str, Any]]) -> dict[str, list[tuple[Any, float, int]]]:
    """Parameter to its values, each with the geometric mean of the CER of its trainings and their number."""
    found: dict[str, list[tuple[Any, float, int]]] = {}
    for parameter, values in space_of(name).choices.items():
        for value in values:
            cers = [r["cer"] for r in results if parameter in r["params"] and r["params"][parameter] == value]
            logs = [math.log(max(LEAST_CER, FAILED_CER if cer is None else cer)) for cer in cers]
            if logs:
                found.setdefault(parameter, []).append((value, math.exp(float(np.mean(logs))), len(logs)))
    return {parameter: each for parameter, each in found.items() if len(each) > 1}


def main() -> None:
    out, columns = Path(sys.argv[1]), dict[str, dict[str, float]]()
    valued: dict[str, dict[str, list[tuple[Any, float, int]]]] = {}
    for name in DATA:
        file = out / f"{name}.jsonl"
        results = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        if len(results) < FEWEST:
            continue
        columns[name], score = importances(name, results)
        valued[name] = means(name, results)
        cers = sorted(1.0 if r["cer"] is None else r["cer"] for r in results)
        print(
            f"{name}: {len(results)} trainings of {results[0]['epochs']} epochs, CER {cers[0]:.3f} to {cers[-1]:.3f}, "
            f"median {cers[len(cers) // 2]:.3f}; R² of the forest on unseen trainings {score:.2f}"
        )
    if not columns:
        raise SystemExit(f"{out} has no data set with {FEWEST} trainings yet")
    mean = {p: sum(c.get(p, 0.0) for c in columns.values()) / len(columns) for column in columns.values() for p in column}
    print(f"\n| parameter | {' | '.join(columns)} | mean |\n|---|{'---|' * (len(columns) + 1)}")
    for parameter in sorted(mean, key=lambda p: -mean[p]):
        cells = [f"{100 * column[parameter]:.0f} %" if parameter in column else "" for column in columns.values()]
        print(f"| `{parameter}` | {' | '.join(cells)} | {100 * mean[parameter]:.0f} % |")
    print(f"\n| parameter | {' | '.join(valued)} |\n|---|{'---|' * len(valued)}")
    for parameter in sorted(mean, key=lambda p: -mean[p]):
        cells = [", ".join(f"{v}: {cer:.3f}" for v, cer, _ in table.get(parameter, [])) for table in valued.values()]
        print(f"| `{parameter}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
