"""Learns what the nodes of every component cost, and writes `trainers/export/node_costs.json`.

    python -m benchmarks.size_estimate.learn [--draws 600]

Run it when a component is added or its `forward` changes; until then the estimate learns it anew in every process.
Exports networks drawn from the full space that hold a part not met before, until many draws in a row hold none.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice

import torch

from benchmarks.full_space import drawn, full_space
from search_space.rules import CATALOGS
from trainers.export.estimate import learn, unfilled
from trainers.export.inventory import parts_of
from trainers.export.node_costs import TABLE, Cost, as_table

SYMBOLS = 10


def main() -> None:
    """Draws, learns, writes."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--draws", type=int, default=600, help="architectures looked at for each backbone family (600)")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    costs: dict[str, Cost] = {}
    known: set[str] = set()
    for number, architecture in enumerate(islice(drawn(full_space(), seed=0), given.draws)):
        plain = architecture.with_(auxiliary="none", precision="fp32")
        if not plain.backbone.startswith("timm/"):
            plain = plain.with_(width_percent=min(50, plain.width_percent))  # narrower ones are exported sooner
        wanted = {part.code for part in parts_of(unfilled(plain, SYMBOLS))}
        if wanted <= known:
            continue
        found = learn(plain, SYMBOLS)
        costs |= {code: cost for code, cost in found.items() if code not in costs}
        known |= wanted
        print(f"{number:4d} {plain.describe():70s} {len(costs):4d} parts", flush=True)
    TABLE.write_text(json.dumps(as_table(costs), separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")
    print(f"{len(costs)} parts of {sum(map(len, CATALOGS.values()))} components, {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
