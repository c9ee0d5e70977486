"""Architectures that soon read well with the starter weights, which a study that begins with them tries first.

In a few minutes two or three architectures can be trained. If they are drawn from the space, the front depends on luck. Eleven
fast networks were drawn by three searches of four minutes (300 codes, `benchmarks/any_clock`): those without a neck read 53 to
70 % of the validation lines after their first epoch, and those with one 73 to 87 %.

Decisions:
- Only those are tried that the space has and the limits allow, and only by the sampler `front` with the starter weights: other
  samplers are often a baseline.
- There are two, a small one without an encoder and a larger one with one. From then on the sampler knows about the task itself.
"""

from __future__ import annotations

from search_space.architecture import Architecture, RefusedArchitecture
from studies.definition.configuration import Configuration
from studies.definition.joint_space import JointSpace, Value
from studies.run.precision_variants import PRECISION

FIRST = (
    Architecture(width_percent=15, neck="fpn_a", attention="eca", encoder="none"),
    Architecture(width_percent=25, neck="fpn_a", attention="coordinate", encoder="svtr", encoder_hidden=48, encoder_layers=2),
)
"""What is tried first, chosen on photographs of codes and on digits."""


def first_architectures(space: JointSpace) -> list[list[dict[str, Value]]]:
    """The parameters of each of them that is in a space, in every precision of the space, the last one first."""
    found = []
    for architecture in FIRST:
        precisions = space.choices.get(PRECISION, (architecture.precision,))
        forms = [_params(space, architecture.with_(precision=str(precision))) for precision in reversed(precisions)]
        if known := [params for params in forms if params is not None]:
            found.append(known)
    return found


def _params(space: JointSpace, architecture: Architecture) -> dict[str, Value] | None:
    """The parameters of an architecture; None if it is not in the space."""
    params = space.params_of(space.complete(Configuration(architecture)))
    try:
        return params if space.configuration(params).architecture == architecture else None
    except (KeyError, RefusedArchitecture):
        return None
