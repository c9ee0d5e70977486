"""A recipe: how a recogniser is trained, as one frozen value that a study can name, store and repeat.

Decisions:
- The learning rate is a function of the share of the training that is done, so a training that pauses at a rung, resumes or
  changes its number of lines follows one curve.
- Batches are counted in lines of average width; wider lines come in smaller batches (see `trainers.batching.batch_planner`).
- `augmentation` is one dial from 0 to 1; what it turns is in `trainers.batching.augment`.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import ClassVar, Literal

from pydantic import Field

from trainers.base.errors import UserError
from trainers.base.strict_model import StrictModel


class Recipe(StrictModel):
    """How to train.

    Attributes:
        learning_rate: Adam's rate at its highest, above 0 and at most 1.
        warmup_epochs: epochs over which the rate rises linearly from near 0; at most a third of the training is spent on it.
        final_rate: the rate at the end of the cosine, as a share of `learning_rate`, in [0, 1].
        weight_decay: 0 and up.
        decoupled_decay: True: AdamW's decay, on convolution and matrix weights only; False: L2 in the gradient of every weight.
        batch_lines: lines of average width in a batch, 1 to 4096; 0 goes by the number of training lines (`lines_per_batch`).
        clip_norm: highest norm of the whole gradient; 0 leaves it as it is.
        augmentation: strength in [0, 1]; 0 shows every line as it is.
        join_share: share of training samples that are two lines joined into one, in [0, 1].
        ema_decay: decay of the moving average of the weights per step, in [0, 1); 0 keeps none.
        flat_start: share of the training over which the flat start of a CTC head fades out, at most `FLAT_START_STEPS`;
            0 does without (`trainers.training.flat_start`).
        focal_gamma: exponent of the focal weight (1 - p)^gamma of each line's loss; 0 weights all alike.
        label_smoothing: share of a CTC head's loss that pulls towards equally likely symbols, in [0, 1).
        even_contrast: whether each line's own mean is taken off and its own contrast scaled to a fixed one, in training and by
            the reader of the file (`trainers.base.preprocess`).
        precision: "auto" (bf16 on a GPU that has it, else fp32), "fp32", "bf16".
        pretrained: "" trains from random weights; "timm" begins backbones `timm/<name>` of 100 % width with the weights that
            timm publishes, fetched when a training begins; anything else is a file with such weights. Other backbones, and
            other widths, have none and begin at random.
        validation_lines: most validation lines read after an epoch; 0 reads all. The final measurement always reads all.

    Raises:
        UserError: every unknown name and every value out of its range, in one message.
    """

    called: ClassVar[str] = "recipe"

    learning_rate: float = Field(default=1e-3, ge=1e-8, le=1)
    warmup_epochs: float = Field(default=2.0, ge=0, le=10_000)
    final_rate: float = Field(default=0.0, ge=0, le=1)
    weight_decay: float = Field(default=1e-5, ge=0, le=10)
    decoupled_decay: bool = False
    batch_lines: int = Field(default=64, ge=0, le=4096)
    clip_norm: float = Field(default=0.0, ge=0, le=1e9)
    augmentation: float = Field(default=0.5, ge=0, le=1)
    join_share: float = Field(default=0.0, ge=0, le=1)
    ema_decay: float = Field(default=0.0, ge=0, le=0.99999)
    flat_start: float = Field(default=0.0, ge=0, le=1)
    focal_gamma: float = Field(default=0.0, ge=0, le=10)
    label_smoothing: float = Field(default=0.0, ge=0, le=0.99)
    even_contrast: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    pretrained: str = ""
    validation_lines: int = Field(default=2000, ge=0, le=10**9)

    @property
    def digest(self) -> str:
        """12 hex digits; equal recipes have equal digests, also across versions that know more values."""
        defaults = {name: field.default for name, field in Recipe.model_fields.items()}
        changed = {name: value for name, value in self.as_dict().items() if value != defaults[name]}
        text = json.dumps(changed, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def rate_at(self, epoch: float, epochs: int) -> float:
        """Learning rate after `epoch` (fractions count) of `epochs` epochs: linear warm-up, then half a cosine."""
        warmup = min(self.warmup_epochs, epochs / 3)
        if epoch < warmup:
            return self.learning_rate * max(epoch / warmup, 0.01)
        done = min(1.0, (epoch - warmup) / max(epochs - warmup, 1e-9))
        low = self.final_rate
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))

    def lines_per_batch(self, training_lines: int) -> int:
        """Lines of average width in a batch: few lines are read in small batches, since an epoch must have enough steps."""
        return self.batch_lines or min(max(training_lines // 250, 8), 64)


RECIPES: dict[str, Recipe] = {
    "paretext": Recipe(
        learning_rate=5e-3,
        warmup_epochs=0.5,
        weight_decay=1e-2,
        decoupled_decay=True,
        batch_lines=0,
        clip_norm=5.0,
        augmentation=0.4,
        flat_start=0.2,
        even_contrast=True,
    ),
    "seed": Recipe(),
}
"""Recipes by name: `paretext`, the default, and `seed`, the recipe behind the published scores."""


def find_recipe(name: str) -> Recipe:
    """The preset of that name.

    Raises:
        UserError: there is none; the message holds the nearest.
    """
    from search_space.catalog import nearest

    if name not in RECIPES:
        raise UserError(f"no recipe is called '{name}'{nearest(name, list(RECIPES))} (known: {', '.join(sorted(RECIPES))})")
    return RECIPES[name]
