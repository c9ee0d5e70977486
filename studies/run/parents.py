"""What `search.begin` names, as parents: trained weights that candidates may begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.definition.begin_spec import RANDOM, STARTER
from trainers.base.errors import UserError
from trainers.inherit.parent import Parent

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace


def resolve_begin(text: str, workspace: Workspace) -> tuple[Parent, ...]:
    """The parents that a text names, the best first; none for random weights.

    Args:
        text: of `search.begin` (`studies.definition.begin_spec`).
        workspace: where models and studies are.

    Raises:
        UserError: what it names cannot be begun with.
    """
    if text == RANDOM:
        return ()
    if text == STARTER:
        return (Parent(STARTER),)
    raise UserError(f"search.begin: '{text}' cannot be begun with; use random or starter")
