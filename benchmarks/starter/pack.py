"""Packs the averaged weights of a training into a file of the package.

    python -m benchmarks.starter.pack --out OUT --family mobilenetv3_small [--step 0.35] [--width 75] [--encoders svtr]
                                      [--necks fpn_a none] [--attentions squeeze_excite] [--without none+none]
                                      [--begin EARLIER.family] [--folder FOLDER]
    python -m benchmarks.starter.pack --packed FILE.family --family mobilenetv3_large --encoders svtr [--folder FOLDER]

Decisions:
- `--step` trades the error of the weights for bytes, `--width` packs the first channels alone, and the lists and `--without`
  leave out combinations: what only they use takes no bytes. The parts are printed with what each takes.
- With `--packed`, the networks are taken from a file that was packed before, not from a training: its record and card stay.
- The card says what was trained on, and how well the main combination reads the validation lines at each width.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.starter.elastic import Choices, Family
from benchmarks.starter.train import CHOICES, FAMILIES, RECIPE, Weights
from search_space import Architecture
from trainers.base.atomic_write import atomic_write
from trainers.data.charset import Charset
from trainers.inherit.family_file import STEP, SharedNetwork, WeightsFamily, decode_family, encode_family
from trainers.inherit.starter import FOLDER, SUFFIX
from trainers.inherit.weights_file import WeightsRecord
from trainers.training.ema import WeightAverage

FONTS = {
    "DejaVu": "Bitstream Vera licence and public domain",
    "Liberation": "SIL Open Font License 1.1",
    "Roboto": "Apache License 2.0",
    "Noto, Noto CJK": "SIL Open Font License 1.1",
    "WenQuanYi Zen Hei": "GPL 2 with font exception",
    "WenQuanYi Micro Hei": "Apache License 2.0 or GPL 3 with font exception",
    "LXGW WenKai": "SIL Open Font License 1.1",
}
"""Fonts of the first 160,000 drawn lines and their licences; none of them is part of the weights."""
FURTHER_FONTS = Path(__file__).with_name("fonts.txt")
"""Debian packages whose fonts the other lines have besides, with their licences: a name, tab and licence each."""
DATA = (
    "lines drawn by benchmarks/starter/lines.py: words of nine languages, Greek, Cyrillic, Chinese shop signs, codes, numbers, "
    "dates, prices, plates"
)
"""What the weights were trained on."""
NOT_FOR = "reading without a training on one's own lines; handwriting; Arabic, Hebrew and Indic scripts; vertical text"
"""What the weights should not be used for."""


def averaged_family(name: str, charset: Sequence[str], state: Mapping[str, Any]) -> Family:
    """The family of a training, with the averaged weights.

    Args:
        name: of the family.
        charset: symbols, in the order of the outputs.
        state: what `StarterTraining.state` gave.
    """
    family = Family(FAMILIES[name], CHOICES[name], tuple(charset))
    weights = Weights(family)
    average = WeightAverage(weights, 0.999)
    average.load_state_dict(state["average"])
    average.copy_to(weights)
    return family


def networks_of(
    family: Family, choices: Choices, width: int, chosen: Mapping[str, Sequence[str]], without: Sequence[str] = ()
) -> tuple[SharedNetwork, ...]:
    """The networks to pack, the main one first.

    Args:
        family: of a training.
        choices: what it is made of.
        width: percent, one of the choices.
        chosen: component to the names that are packed.
        without: pairs of neck and encoder that are left out, such as `none+none`.
    """
    found = []
    for combination in choices.combinations():
        if _is_chosen(Architecture(**combination), chosen, without):
            network = family.member(width, **combination).detached()
            parameters = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
            found.append(SharedNetwork(network.architecture, parameters))
    return tuple(found)


def card_of(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The card, from the rows of a training's log."""
    last = next((row for row in reversed(rows) if any(key.startswith("cer_") for key in row)), {})
    reads = {key: value for key, value in last.items() if key.startswith(("cer_", "accuracy_"))}
    command = f"python -m benchmarks.starter.train --out OUT --family {name}"
    further = dict(row.split("\t") for row in FURTHER_FONTS.read_text(encoding="utf-8").splitlines())
    return {"command": command, "data": DATA, "fonts": FONTS | further, "validation": reads, "not_for": NOT_FOR}


def parts(networks: Sequence[SharedNetwork]) -> Counter[str]:
    """Entries of the tensors that each component adds to those of the networks before it."""
    seen, counts = set(), Counter[str]()
    for network in networks:
        a = network.architecture
        for name, tensor in network.parameters.items():
            key = (name, tensor.numpy().tobytes())
            if key not in seen:
                seen.add(key)
                counts[f"{name.partition('.')[0]:9} {a.neck} {a.encoder} {a.attention}"] += tensor.numel()
    return counts


def _trained(asked: argparse.Namespace, choices: Choices, chosen: Mapping[str, Sequence[str]]) -> WeightsFamily:
    """The asked networks of a training, with its record and card."""
    width = choices.widths[0] if asked.width is None else asked.width
    charset = Charset.from_file(asked.out / "charset.txt").symbols
    state = torch.load(asked.out / f"{asked.family}.pt", weights_only=True)
    rows = [json.loads(line) for line in (asked.out / f"{asked.family}.jsonl").read_text("utf-8").splitlines()]
    card = card_of(rows, asked.family)
    before = None if asked.begin is None else decode_family(asked.begin.read_bytes(), str(asked.begin)).record
    shown = (rows[-1]["step"] - state.get("first_step", 0)) * RECIPE.batch_lines
    epochs = shown / len((asked.out / "lines" / "labels.txt").read_text("utf-8").splitlines())
    if before is not None:
        shown, epochs = shown + before.lines, epochs + before.epochs
    record = WeightsRecord(epochs=max(1, round(epochs)), lines=shown, cer=card["validation"].get(f"cer_{width}"))
    networks = networks_of(averaged_family(asked.family, charset, state), choices, width, chosen, asked.without)
    return WeightsFamily(networks, tuple(charset), record, card)


def _selected(packed: Path, chosen: Mapping[str, Sequence[str]], without: Sequence[str]) -> WeightsFamily:
    """The asked networks of a file that was packed before."""
    family = decode_family(packed.read_bytes(), str(packed))
    networks = tuple(network for network in family.networks if _is_chosen(network.architecture, chosen, without))
    return replace(family, networks=networks)


def _is_chosen(a: Architecture, chosen: Mapping[str, Sequence[str]], without: Sequence[str]) -> bool:
    is_left_out = f"{a.neck}+{a.encoder}" in without
    return not is_left_out and all(getattr(a, part) in names for part, names in chosen.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--out", type=Path, help="folder of the training")
    source.add_argument("--packed", type=Path, help="a packed file to take networks from, of full width")
    parser.add_argument("--family", choices=list(FAMILIES), default="mobilenetv3_small")
    parser.add_argument("--step", type=float, default=STEP, help="in standard deviations")
    parser.add_argument("--width", type=int, help="percent, of those that were trained; by default the widest")
    for part in ("necks", "encoders", "attentions"):
        parser.add_argument(f"--{part}", nargs="+", help="by default all that were trained")
    parser.add_argument("--without", nargs="+", default=[], help="pairs of neck and encoder to leave out")
    parser.add_argument("--begin", type=Path, help="what the training began with; the lines that those weights saw count too")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the file is written")
    asked = parser.parse_args()
    choices = CHOICES[asked.family]
    chosen = {part: getattr(asked, f"{part}s") or getattr(choices, f"{part}s") for part in ("neck", "encoder", "attention")}
    family = _trained(asked, choices, chosen) if asked.packed is None else _selected(asked.packed, chosen, asked.without)
    if not family.networks:
        raise SystemExit("no network has these components; name others")
    content, networks = encode_family(family, asked.step), family.networks
    file = asked.folder / f"{asked.family}{SUFFIX}"
    with atomic_write(file) as unfinished:
        unfinished.write_bytes(content)
    counts = parts(networks)
    for part, count in counts.items():
        print(f"{part:45} {count:>10,} weights, about {count / counts.total() * len(content) / 1000:7.1f} kB")
    print(f"{file}: {len(content):,} bytes, {counts.total():,} weights, {8 * len(content) / counts.total():.2f} bits each")


if __name__ == "__main__":
    main()
