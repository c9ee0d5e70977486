"""`paretext train`: trains one model, new or further, shows its progress, and draws its curves and errors."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options
from dashboards.cli.architecture_argument import FORMS, read_architecture
from dashboards.views.before_and_after import compare, lines_for
from dashboards.views.training_result import as_dict, draw_pictures, tell
from trainers.base.candidate import Candidate

if TYPE_CHECKING:
    from studies.run.further_training import Beginning, Characters
    from trainers.data.dataset import LineDataset
    from trainers.data.spec import DataSpec
    from trainers.trial.run import TrialJob

DESCRIPTION = """\
Trains one model and writes into a folder: model.onnx, curves.png (loss,
accuracy, CER) and errors.png (the lines it reads worst). Run the same command
again to continue a training that was stopped.

To train your own reader further, on new lines, characters or fonts
(docs/fine-tuning.md):
  paretext train --begin models:/reader@champion --data more/ --also old/"""

EPOCHS = 30
"""Epochs of a training by default."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train one model, or train it further",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, begins=True)
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to continue")


def add_options(parser: argparse.ArgumentParser, begins: bool = False) -> None:
    """Adds the options for the model, the data and the training.

    Args:
        parser: to add them to.
        begins: whether the training may begin with a reader, which brings an architecture, a normaliser and characters.
    """
    reader = ", or the reader's with --begin" if begins else ""
    if begins:
        parser.add_argument(
            "architecture", metavar="ARCHITECTURE", nargs="?", help=f"{FORMS} (default with --begin: the reader's)"
        )
        _add_beginning(parser)
    else:
        parser.add_argument("architecture", metavar="ARCHITECTURE", help=FORMS)
    parser.add_argument("--data", metavar="SOURCE", default="digits", help="training lines (default: digits)")
    parser.add_argument("--validation", metavar="SOURCE", help="validation lines (default: a part of the data)")
    recipes = "anytime, paretext or seed, also with changes, such as seed,batch_lines=16"
    parser.add_argument("--recipe", metavar="RECIPE", help=f"{recipes} (default: anytime)")
    parser.add_argument(
        "--epochs", metavar="N", type=options.count, default=EPOCHS, help=f"number of epochs (default: {EPOCHS})"
    )
    parser.add_argument("--normaliser", metavar="NAME", help=f"normaliser of the labels (default: none{reader})")
    charset_help = "file with one character per line (default: the characters of the training labels"
    charset_help += ", and the reader's with --begin)" if begins else ")"
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
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="folder to write into (default: a folder in runs/trainings/)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_beginning(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a training that begins with trained weights."""
    begin = "weights to begin with: models:/NAME@champion, models:/NAME/VERSION, study:NAME, an exported FILE.onnx, a "
    parser.add_argument("--begin", metavar="WHAT", help=begin + "FILE.safetensors, starter or random (default: random)")
    also = "lines of earlier trainings, mixed in so that the reader does not forget them; half of what is shown is new"
    parser.add_argument("--also", metavar="OLD_LINES", help=also)
    characters = "with --begin, the reader's characters and those of the labels (both), or only those of the labels (new)"
    parser.add_argument("--characters", choices=("both", "new"), default="both", help=f"{characters} (default: both)")


def run(arguments: argparse.Namespace) -> int:
    """Trains, draws the pictures and prints the result."""
    job, beginning = _job_and_beginning(arguments)
    from dashboards.views.console import print_json, stderr_console
    from dashboards.views.training_screen import TrainingScreen
    from trainers.data.open_datasets import prepare_once
    from trainers.trial.epoch_log import logged_reports
    from trainers.trial.free_folder import check_free, make_folder
    from trainers.trial.job_threads import threads_for
    from trainers.trial.run import past_reports, run_trial

    prepared = prepare_once(job.data, job.cache_folder)
    beginning.check_folder(job.folder)
    check_free(job, prepared)
    job = dataclasses.replace(job, threads=arguments.threads or threads_for(job, prepared))
    _say_what_is_left_out(job, prepared)
    if beginning.reader is not None and not past_reports(job, prepared):
        beginning.reader.check_weights(lines_for(beginning.reader, prepared, job).training)
    make_folder(job)
    beginning.claim(job.folder)
    with TrainingScreen(stderr_console(), _heading(job, prepared), past_reports(job, prepared)) as screen:
        candidate = run_trial(job, screen.report)
    assert isinstance(candidate, Candidate)  # nothing here pauses it
    history = screen.history or logged_reports(job.folder)
    draw_pictures(job, candidate, prepared.validation, history)
    compared = compare(beginning.reader, candidate.model, prepared, job) if beginning.reader is not None else []
    if arguments.json:
        result = as_dict(candidate) | {"history": [report.as_dict() for report in history]}
        if beginning.parents:
            result |= {"begin": beginning.parents[0].as_dict(), "before_and_after": [each.as_dict() for each in compared]}
        print_json(result)
    else:
        tell(candidate, job.folder, compared)
    return 0


def job_of(arguments: argparse.Namespace) -> TrialJob:
    """The training that the arguments describe; checks them before anything is loaded or written."""
    return _job_and_beginning(arguments)[0]


def _job_and_beginning(arguments: argparse.Namespace) -> tuple[TrialJob, Beginning]:
    """The training, and what it begins with: checks the arguments before a line is decoded or anything is written."""
    from trainers.base.recipe_text import parse_recipe

    asked = getattr(arguments, "begin", None)
    text = "random" if asked is None else asked
    also = getattr(arguments, "also", None)
    given = None if arguments.architecture is None else read_architecture(arguments.architecture)
    recipe = None if arguments.recipe is None else parse_recipe(arguments.recipe)

    from studies.run.further_training import Beginning
    from studies.workspace.paths import Workspace
    from trainers.trial.free_folder import check_place
    from trainers.trial.run import TrialJob

    workspace = Workspace.of_environment().prepare()
    beginning = Beginning.of(text, workspace)
    architecture = beginning.architecture(given)
    data = _data(arguments, beginning, architecture.height_px)
    device, recipe = _device(arguments.device), beginning.recipe(recipe)
    epochs = None if recipe.is_anytime else arguments.epochs  # without it more epochs continue the training
    settings = [data.model_dump(mode="json"), also, recipe.digest, arguments.seed, epochs]
    name = beginning.folder_name(architecture, json.dumps(settings, sort_keys=True))
    folder = (arguments.out or workspace.folder / "trainings" / name).resolve()
    check_place(folder)
    job = TrialJob(
        architecture=architecture,
        data=_decoded(data, also, workspace.cache),
        cache_folder=workspace.cache,
        recipe=recipe,
        epochs=arguments.epochs,
        folder=folder,
        seed=arguments.seed,
        threads=arguments.threads or 1,
        device=device,
        finish=True,
        parents=beginning.parents,
    )
    return job, beginning


def _data(arguments: argparse.Namespace, beginning: Beginning, height_px: int) -> DataSpec:
    """The new lines at one input height, with the reader's characters and normaliser where nothing else is asked for."""
    from trainers.data.charset import Charset
    from trainers.data.spec import DataSpec

    if arguments.charset:
        Charset.from_file(Path(arguments.charset))  # a mistake in it is said before lines are decoded for minutes
    characters: Characters = getattr(arguments, "characters", "new")
    return DataSpec(
        training=arguments.data,
        validation=arguments.validation,
        height_px=height_px,
        normaliser=beginning.normaliser(arguments.normaliser),
        charset=arguments.charset,
        more_symbols="" if arguments.charset else beginning.more_symbols(characters),
        unknown=arguments.unknown,
        seed=arguments.seed,
        training_lines=arguments.lines,
    )


def _decoded(data: DataSpec, also: str | None, cache_folder: Path) -> DataSpec:
    """The data with old lines mixed in; shows the progress of decoding."""
    from dashboards.views.counted_progress import CountedProgress
    from trainers.data.dataset import prepare
    from trainers.data.mixing import with_old_lines

    with CountedProgress("decoding lines") as progress:
        if also is not None:
            return with_old_lines(data, also, cache_folder, progress.show)
        prepare(data, cache_folder, progress.show)
    return data


def _heading(job: TrialJob, prepared: LineDataset) -> str:
    """What trains on what, one line."""
    return (
        f"{job.architecture.describe()} on {job.data.training}: {len(prepared.training):,} training and "
        f"{len(prepared.validation):,} validation lines, {len(prepared.charset):,} symbols, {job.device}, "
        f"{job.threads} {'thread' if job.threads == 1 else 'threads'}"
    )


def _say_what_is_left_out(job: TrialJob, prepared: LineDataset) -> None:
    from dashboards.views.console import stderr_console

    for note in prepared.notes:
        stderr_console().print(note, markup=False, soft_wrap=True)
    left_out = _left_out(job, prepared)
    if left_out:
        stderr_console().print("left out: " + ", ".join(f"{n} {why}" for why, n in left_out.items()), markup=False)


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
