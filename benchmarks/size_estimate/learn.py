"""Measures the bytes of the nodes of every component and adds them to `trainers/export/node_costs.json`.

    python -m benchmarks.size_estimate.learn [--draws 3000] [--seed 0] [--from-scratch]

Run it when a component is added or its `forward` changes. Until then every process that meets the component measures it again.
It draws architectures for each value of each field, then from the whole space, and exports those that have an unknown part.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice

import torch

from search_space.architecture import Architecture
from search_space.rules import CATALOGS
from testing.full_space import drawn, full_space, with_each_value
from trainers.export.inventory import parts_of
from trainers.export.node_costs import TABLE, Cost, as_table, known_costs
from trainers.export.size_estimate import learn, unfilled

SYMBOLS = 10
"""Characters of the exported networks; the nodes do not depend on it."""
EACH = 8
"""Architectures that are drawn for each value of each field."""


def main() -> None:
    """Draws architectures, measures unknown parts, writes the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--draws", type=int, default=3000, help="architectures drawn from the whole space (3000)")
    arguments.add_argument("--seed", type=int, default=0, help="of the drawn architectures (0)")
    arguments.add_argument("--from-scratch", action="store_true", help="make a new table, without parts that no longer exist")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    costs: dict[str, Cost] = {} if given.from_scratch else dict(known_costs())
    for number, architecture in enumerate(candidates(given.draws, given.seed)):
        for plain in versions(architecture):
            if not codes(plain) <= costs.keys():
                found = learn(plain, SYMBOLS)
                costs |= {code: cost for code, cost in found.items() if code not in costs}
                print(f"{number:4d} {plain.describe():70s} {len(costs):4d} parts", flush=True)
    TABLE.write_text(json.dumps(as_table(costs), separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")
    print(f"{len(costs)} parts of {sum(map(len, CATALOGS.values()))} components, {TABLE.stat().st_size} bytes")


def candidates(draws: int, seed: int) -> Iterator[Architecture]:
    """Architectures with wide encoders, some with each value of each field, and then any."""
    space = full_space()
    for encoder in CATALOGS["encoder"].choices():
        if encoder != "none":  # numbers from 128 on, such as its groups of channels, take one more byte
            yield from (Architecture(width_percent=25, encoder=encoder, encoder_hidden=192, encoder_layers=n) for n in (1, 2))
    for field in space.open_fields:
        yield from with_each_value(field, EACH, seed)
    yield from islice(drawn(space, seed), draws)


def versions(architecture: Architecture) -> Iterator[Architecture]:
    """An architecture without fields that do not change its nodes; first a narrower one, which is exported faster."""
    plain = architecture.with_(auxiliary="none", precision="fp32")
    if not plain.backbone.startswith("timm/"):
        yield plain.with_(width_percent=min(50, plain.width_percent))
    yield plain


def codes(architecture: Architecture) -> set[str]:
    """The keys of an architecture's parts in the table."""
    return {part.code for part in parts_of(unfilled(architecture, SYMBOLS))}


if __name__ == "__main__":
    main()
