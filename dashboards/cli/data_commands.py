"""`paretext data check | render | digits`: checks a data set, draws lines from labels, writes unseen lines of digits."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options
from dashboards.views.counted_progress import CountedProgress

if TYPE_CHECKING:
    from trainers.data.checks.check import Report

NAMED_FONTS = 8
"""Most fonts that are named as left out."""
SOURCE_HELP = "digits, a folder or a label file, or kind:path; several joined by ';' (see docs/data.md)"


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand with its own subcommands."""
    parser = subparsers.add_parser("data", help="check a data set, or make one", description="Check a data set, or make one.")
    verbs = parser.add_subparsers(dest="data_verb", metavar="WHAT", required=True)
    _add_check(verbs)
    _add_render(verbs)
    _add_digits(verbs)


def _add_check(verbs: Any) -> None:
    parser = verbs.add_parser(
        "check",
        help="report problems of labelled lines",
        description="Decodes every image, checks every label, and reports problems to know of before training.",
    )
    parser.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    parser.add_argument(
        "--height", metavar="PX", type=options.count, default=32, help="input height of the model, in rows (default: 32)"
    )
    parser.add_argument("--time-stride", metavar="PX", type=options.count, default=4, help="columns per time step (default: 4)")
    parser.add_argument("--normaliser", metavar="NAME", default="none", help="normaliser of the labels (default: none)")
    parser.add_argument(
        "--seed",
        metavar="N",
        type=options.seed,
        default=0,
        help="seed of generated lines and of the samples on the sheet (default: 0)",
    )
    parser.add_argument(
        "--fix", metavar="OUT", type=Path, help="write a cleaned label file and a list of dropped lines into this folder"
    )
    parser.add_argument("--sheet", metavar="FILE.png", type=Path, help="draw samples and doubtful lines on a contact sheet")
    parser.add_argument("--processes", metavar="N", type=options.count, help="number of processes (default: one per core)")
    strict_help = "exit with code 1 if there is anything that --fix would drop or rewrite, for scripts"
    parser.add_argument("--strict", action="store_true", help=strict_help)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run_check)


def _add_render(verbs: Any) -> None:
    parser = verbs.add_parser(
        "render",
        help="draw lines of text from labels and fonts",
        description="Draws labelled lines that look like photographs, screens and prints: OUT/images and OUT/labels.txt "
        "(PaddleOCR form). The same seed gives the same files, whatever the number of processes.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write into")
    labels_help = "file with one text per row, or image<TAB>text; or any data source"
    parser.add_argument("--labels", metavar="FILE", required=True, help=labels_help)
    fonts_help = "font file, or folder of TrueType and OpenType fonts; can be repeated (default: the fonts of the system)"
    parser.add_argument("--fonts", metavar="DIR", type=Path, action="append", help=fonts_help)
    parser.add_argument("--count", metavar="N", type=options.count, required=True, help="number of lines")
    parser.add_argument(
        "--seed", metavar="N", type=options.seed, default=0, help="seed of everything that is drawn at random (default: 0)"
    )
    parser.add_argument(
        "--style", choices=("mixed", "scene", "web", "print"), default="mixed", help="look of the lines (default: mixed)"
    )
    parser.add_argument(
        "--photos", metavar="DIR", type=Path, help="folder of photographs to draw on (default: two photographs of scikit-learn)"
    )
    parser.add_argument("--normaliser", metavar="NAME", default="none", help="normaliser of the texts (default: none)")
    parser.add_argument(
        "--charset",
        metavar="FILE",
        type=Path,
        help="file with one character per line; texts with other characters are left out",
    )
    recombine_help = "percentage of texts that combine two labels (default: 0)"
    parser.add_argument("--recombine", metavar="PERCENT", type=options.whole_percent, default=0, help=recombine_help)
    parser.add_argument("--sheet", metavar="FILE.png", type=Path, help="draw the first 64 lines on a contact sheet")
    parser.add_argument("--processes", metavar="N", type=options.count, help="number of processes (default: one per core)")
    parser.set_defaults(run=run_render, interrupted="stopped; the same command again draws the same lines")


def _add_digits(verbs: Any) -> None:
    parser = verbs.add_parser(
        "digits",
        help="write unseen lines of handwritten digits",
        description="Writes lines of handwritten digits that are in neither training nor validation, from scans that training "
        "never saw: 000.png, 001.png, … and labels.txt (PaddleOCR form).",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write into")
    parser.add_argument("--count", metavar="N", type=options.count, default=20, help="number of lines (default: 20)")
    parser.add_argument(
        "--seed",
        metavar="N",
        type=options.seed,
        default=0,
        help="seed of the study whose models will read the lines (default: 0)",
    )
    parser.set_defaults(run=run_digits)


def run_check(arguments: argparse.Namespace) -> int:
    """Checks a data set; returns 0 whatever it finds, since findings are the result, unless `--strict` asks for 1."""
    from dashboards.views.console import print_json, stderr_console
    from trainers.data.checks.check import check
    from trainers.data.source_registry import shadowed_folder

    note = shadowed_folder(arguments.source)
    if note is not None:
        stderr_console().print(note, markup=False)
    with CountedProgress("looking at images") as progress:
        report = check(
            arguments.source,
            arguments.height,
            arguments.time_stride,
            arguments.normaliser,
            arguments.seed,
            progress.show,
            arguments.processes,
        )
    written: dict[str, Any] = {}
    if arguments.fix is not None:
        written["fixed"] = _write_fixed(report, arguments.fix)
    if arguments.sheet is not None:
        from trainers.data.checks.sheet import check_sheet

        save_image(check_sheet(report, arguments.seed), arguments.sheet)
        written["sheet"] = str(arguments.sheet)
        stderr_console().print(f"contact sheet: {arguments.sheet}", markup=False)
    if arguments.json:
        print_json(report.as_dict() | written)
    else:
        from dashboards.views.data_report import print_report

        print_report(report)
    return 1 if arguments.strict and any(finding.fix != "none" for finding in report.findings) else 0


def _write_fixed(report: Report, folder: Path) -> dict[str, Any]:
    """Writes the cleaned data and reports how many lines were kept, rewritten and dropped."""
    from dashboards.views.console import stderr_console
    from trainers.data.checks.fix import write_fixed

    fixed = write_fixed(report, folder)
    counts = f"{fixed.kept} lines, {fixed.rewritten} rewritten; {fixed.dropped} dropped, see {fixed.dropped_list}"
    stderr_console().print(f"{fixed.labels}: {counts}", markup=False)
    return {
        "labels": str(fixed.labels),
        "dropped_list": str(fixed.dropped_list),
        "kept": fixed.kept,
        "dropped": fixed.dropped,
        "rewritten": fixed.rewritten,
    }


def run_render(arguments: argparse.Namespace) -> int:
    """Draws lines into a folder."""
    from dashboards.views.console import stderr_console
    from trainers.base.errors import UserError
    from trainers.data.charset import Charset
    from trainers.data.normalisers import check_normaliser
    from trainers.data.render.letter_fonts import find_letter_faces, is_damaged
    from trainers.data.render.plan import drawable, plan_lines, read_texts
    from trainers.data.render.textures import photo_files
    from trainers.data.render.write import LABELS, write_lines

    check_normaliser(arguments.normaliser)
    if (arguments.out / LABELS).exists():
        raise UserError(f"{arguments.out / LABELS} is already there; name another folder")
    photos = None if arguments.photos is None else str(photo_files(arguments.photos)[0].parent)
    charset = None if arguments.charset is None else Charset.from_file(arguments.charset).symbols
    fonts = find_letter_faces(arguments.fonts)
    faces = fonts.kept
    for damaged, why in ((False, "which draw symbols instead of letters"), (True, "which are damaged")):
        names = sorted({face.name for face in fonts.left_out if is_damaged(face.path) == damaged})
        if names:
            more = f" and {len(names) - NAMED_FONTS} more" if len(names) > NAMED_FONTS else ""
            words = f"fonts left out, {why}: {', '.join(names[:NAMED_FONTS])}{more}"
            stderr_console().print(words, markup=False, soft_wrap=True)
    texts = drawable(read_texts(arguments.labels, arguments.normaliser), faces, charset)
    if texts.left_out:
        stderr_console().print(f"{texts.left_out} texts left out: {texts.why_left_out}", markup=False)
    seed, recombine = arguments.seed, arguments.recombine / 100
    planned = plan_lines(texts.usable, faces, arguments.count, seed, arguments.style, photos, recombine)
    with CountedProgress("drawing lines") as progress:
        written = write_lines(planned, arguments.out, arguments.processes, progress.show)
    if arguments.sheet is not None:
        from trainers.data.contact_sheet import Picture, SheetSection, draw_sheet

        pictures = [Picture(line(), line.text) for line in planned[:64]]
        save_image(draw_sheet([SheetSection(f"{arguments.out}: the first {len(pictures)} lines", pictures)]), arguments.sheet)
    print(f"{written.labels}: {written.lines} lines in {len({f.path for line in planned for f in line.faces[:1]})} fonts")
    return 0


def run_digits(arguments: argparse.Namespace) -> int:
    """Writes unseen digit lines."""
    from trainers.base.atomic_write import whole_or_nothing
    from trainers.base.errors import UserError
    from trainers.data.digits import digit_lines

    out: Path = arguments.out
    rows = []
    try:
        for name in ("labels.txt", *(f"{number:03d}.png" for number in range(arguments.count))):
            if os.path.lexists(out / name):
                raise UserError(f"{out / name} is already there; name another folder")
        with whole_or_nothing(out):
            for number, line in enumerate(digit_lines("unseen", arguments.seed, arguments.count).lines):
                line.load().save(out / f"{number:03d}.png")
                rows.append(f"{number:03d}.png\t{line.text}\n")
            (out / "labels.txt").write_text("".join(rows), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}; nothing was left there") from None
    print(f"{out}: {arguments.count} lines and labels.txt; read them: paretext predict {out}/*.png")
    return 0


def save_image(image: Any, path: Path) -> None:
    """Writes an image to a path that the user has given.

    Raises:
        UserError: the file cannot be written, or its ending names no image format.
    """
    from PIL import Image

    from dashboards.views.picture_file import write_picture

    def save(content: Any, ending: str) -> None:
        form = Image.registered_extensions().get(f".{ending}")
        if form is None:
            raise ValueError(f"unknown file extension: .{ending}")
        image.save(content, form)

    with contextlib.suppress(OSError):  # `write_picture` says that the folder is not there
        path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, save)
