"""How many bytes of an exported file each part of the network takes.

The weights of a part are counted as the size estimate counts them; what is left of the file is its graph, constants and
metadata. Of a pruned network the parts are an estimate: its backbone and neck take what the rest leaves.
"""

from __future__ import annotations

from search_space.architecture import Architecture
from trainers.export.inventory import placed_weights
from trainers.export.size_estimate import content_of, unfilled, weight_bytes

REST = "graph and metadata"
"""What is no weight: nodes, constants, charset and the text that a file holds."""
PRUNED_PARTS = ("backbone", "neck")
"""Parts that become smaller by pruning."""


def part_bytes(architecture: Architecture, symbols: int, size_bytes: int) -> dict[str, int]:
    """Bytes of each part of a file.

    Args:
        architecture: of the file.
        symbols: characters in its charset.
        size_bytes: of the file.

    Returns:
        Part to its bytes, in the order in which an image passes through them, then `REST`; they add up to `size_bytes`.

    Raises:
        RefusedArchitecture: it cannot be built.
    """
    whole = architecture.with_(auxiliary="none", prune_percent=0)
    found: dict[str, int] = {}
    for path, weight in placed_weights(unfilled(whole.with_(precision="fp32"), symbols)):
        part = path.partition(".")[0]
        found[part] = found.get(part, 0) + weight_bytes(weight, architecture.precision)
    order = [p for p in ("rectifier", "backbone", "neck", "pooling", "encoder", "head") if found.get(p)]
    parts = {part: found[part] for part in order}
    if architecture.prune_percent:
        rest = content_of(whole.with_(precision="fp32"), symbols).node_bytes
        parts = _pruned(parts, max(0, size_bytes - rest))
    if sum(parts.values()) > size_bytes:  # weights in an entropy code may take less than expected
        parts = {part: bytes_ * size_bytes // sum(parts.values()) for part, bytes_ in parts.items()}
    return parts | {REST: size_bytes - sum(parts.values())}


def _pruned(parts: dict[str, int], weights_bytes: int) -> dict[str, int]:
    """The parts if all of them together take `weights_bytes`."""
    cut = {part: bytes_ for part, bytes_ in parts.items() if part in PRUNED_PARTS}
    left = max(0, weights_bytes - sum(bytes_ for part, bytes_ in parts.items() if part not in cut))
    whole = sum(cut.values()) or 1
    return {part: min(bytes_, left * bytes_ // whole) if part in cut else bytes_ for part, bytes_ in parts.items()}
