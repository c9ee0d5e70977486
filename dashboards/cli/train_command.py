"""`paretext train`: trains one model, shows its progress, and draws its curves and mistakes."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options
from dashboards.cli.architecture_argument import FORMS, read_architecture
from trainers.base.candidate import Candidate

if TYPE_CHECKING:
    from trainers.base.progress import EpochReport
    from trainers.data.arrays import LineArrays
    from trainers.data.dataset import LineDataset
    from trainers.trial.run import TrialJob

DESCRIPTION = """\
Trains one model and writes into a folder: model.onnx, curves.png (loss, accuracy, CER) and mistakes.png (the lines it
reads worst). Run the same command again to continue a training that was stopped."""

EPOCHS = 30
"""Epochs of a training by default."""
SHOWN_MISTAKES = 30
"""Most lines on the picture of mistakes."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("train", help="train one model", description=DESCRIPTION)
    add_options(parser)
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to continue")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the model, the data and the training."""
    parser.add_argument("architecture", metavar="ARCHITECTURE", help=FORMS)
    parser.add_argument("--data", metavar="SOURCE", default="digits", help="training lines (default: digits)")
    parser.add_argument("--validation", metavar="SOURCE", help="validation lines (default: a part of the data)")
    parser.add_argument(
        "--recipe",
        metavar="RECIPE",
        default="anytime",
        help="anytime, paretext or seed, also with changes, such as seed,batch_lines=16 (default: anytime)",
    )
    parser.add_argument(
        "--epochs", metavar="N", type=options.count, default=EPOCHS, help=f"number of epochs (default: {EPOCHS})"
    )
    parser.add_argument("--normaliser", metavar="NAME", default="none", help="normaliser of the labels (default: none)")
    charset_help = "file with one character per line (default: the characters of the training labels)"
    parser.add_argument("--charset", metavar="FILE", help=charset_help)
    unknown_help = "training lines with other characters: drop (default), error, or map (see docs/data.md)"
    parser.add_argument("--unknown", metavar="POLICY", default="drop", help=unknown_help)
    parser.add_argument("--lines", metavar="N", type=options.count, help="use only this many training lines")
    parser.add_argument(
        "--seed", metavar="N", type=options.seed, default=0, help="seed of weights, order and augmentation (default: 0)"
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=options.count,
        help="number of threads (default: the fastest on this machine, at most one per core)",
    )
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda or cuda:1 (default: a GPU if there is one)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="folder to write into (default: trainings/DIGEST in runs/)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Trains, draws the pictures and prints the result."""
    job = job_of(arguments)
    from dashboards.views.console import print_json, stderr_console
    from dashboards.views.training_screen import TrainingScreen
    from trainers.data.open_datasets import prepare_once
    from trainers.trial.job_threads import threads_for
    from trainers.trial.run import past_reports, run_trial

    prepared = prepare_once(job.data, job.cache_folder)
    job = dataclasses.replace(job, threads=arguments.threads or threads_for(job, prepared))
    heading = (
        f"{job.architecture.describe()} on {job.data.training}: {len(prepared.training):,} training and "
        f"{len(prepared.validation):,} validation lines, {len(prepared.charset):,} symbols, {job.device}, "
        f"{job.threads} {'thread' if job.threads == 1 else 'threads'}"
    )
    left_out = _left_out(job, prepared)
    if left_out:
        stderr_console().print("left out: " + ", ".join(f"{n} {why}" for why, n in left_out.items()), markup=False)
    with TrainingScreen(stderr_console(), heading, past_reports(job, prepared)) as screen:
        candidate = run_trial(job, screen.report)
    assert isinstance(candidate, Candidate)  # nothing here pauses it
    _draw(job, candidate, prepared.validation, screen.history)
    if arguments.json:
        print_json(_as_dict(candidate) | {"history": [report.as_dict() for report in screen.history]})
    else:
        _tell(candidate, job.folder)
    return 0


def job_of(arguments: argparse.Namespace) -> TrialJob:
    """The training that the arguments describe; checks them before anything is loaded or written."""
    from trainers.base.recipe_text import parse_recipe

    architecture, recipe = read_architecture(arguments.architecture), parse_recipe(arguments.recipe)

    from studies.workspace.paths import Workspace
    from trainers.data.spec import DataSpec
    from trainers.trial.run import TrialJob

    workspace = Workspace.of_environment().prepare()
    data = DataSpec(
        training=arguments.data,
        validation=arguments.validation,
        height_px=architecture.height_px,
        normaliser=arguments.normaliser,
        charset=arguments.charset,
        unknown=arguments.unknown,
        seed=arguments.seed,
        training_lines=arguments.lines,
    )
    return TrialJob(
        architecture=architecture,
        data=data,
        cache_folder=workspace.cache,
        recipe=recipe,
        epochs=arguments.epochs,
        folder=(arguments.out or workspace.folder / "trainings" / architecture.digest).resolve(),
        seed=arguments.seed,
        threads=arguments.threads or 1,
        device=_device(arguments.device),
    )


def _left_out(job: TrialJob, prepared: LineDataset) -> dict[str, int]:
    """How many lines are not trained on, by reason."""
    from search_space.time_steps import LONGEST_ATTENTION_LINE

    counts = dict(prepared.counts)
    stride = job.architecture.time_stride
    unwritable = len(prepared.infeasible(job.architecture))
    if unwritable and job.architecture.head == "attention":
        counts[f"label of more than {LONGEST_ATTENTION_LINE} symbols, which head attention cannot write"] = unwritable
    elif unwritable:
        counts[f"too narrow for their label at time_stride {stride}"] = unwritable
    return counts


def _device(asked: str | None) -> str:
    """The device asked for, or the best there is.

    Raises:
        UserError: there is no such device here.
    """
    import torch

    from trainers.base.errors import UserError

    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=asked)
    except (RuntimeError, AssertionError):
        raise UserError(f"there is no device '{asked}' on this machine; leave --device out") from None
    return asked


def _draw(job: TrialJob, candidate: Candidate, lines: LineArrays, history: list[EpochReport]) -> None:
    """Writes curves.png and mistakes.png."""
    from dashboards.views.console import accuracy_words, percent
    from dashboards.views.training_pictures import draw_curves, draw_mistakes

    measured = candidate.measurement
    accuracy = accuracy_words(measured.accuracy, measured.lines)
    title = f"{job.architecture.describe()} on {job.data.training}: {accuracy} exact, CER {percent(measured.cer)}"
    draw_curves(history, job.folder / "curves.png", title)
    from trainers.evaluation.mistakes import worst_mistakes

    mistakes = worst_mistakes(candidate.model, lines, SHOWN_MISTAKES)
    draw_mistakes(mistakes, job.folder / "mistakes.png", f"worst readings of {title}")


def _as_dict(candidate: Candidate) -> dict[str, Any]:
    """A candidate as JSON values: with the interval of its accuracy, without the single lines."""
    from trainers.evaluation.uncertainty import wilson_interval

    values = candidate.as_dict()
    values["measurement"].pop("right_lines", None)
    low, high = wilson_interval(candidate.measurement.accuracy, candidate.measurement.lines)
    values["measurement"] |= {"accuracy_low": low, "accuracy_high": high, "validation_lines": candidate.measurement.lines}
    return values


def _tell(candidate: Candidate, folder: Path) -> None:
    from dashboards.views.console import accuracy_words, percent, stdout_console
    from search_space import write_size

    m = candidate.measurement
    stdout_console().print(
        f"{accuracy_words(m.accuracy, m.lines)} of {m.lines:,} validation lines without a fault, CER {percent(m.cer)}; "
        f"{write_size(m.size_bytes)}, {m.latency_ms:.2f} ms a line, {m.parameters:,} weights",
        markup=False,
    )
    stdout_console().print(
        f"{candidate.model}\n{folder / 'curves.png'}\n{folder / 'mistakes.png'}", markup=False, soft_wrap=True
    )
