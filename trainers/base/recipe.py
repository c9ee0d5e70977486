"""Recipes: all settings of a training in one frozen value, which a study can name, store and repeat.

Decisions:
- The learning rate depends only on the fraction of the training that is done, so a training that pauses and resumes follows the
  same schedule as one that does not.
- Batch sizes are in lines of average width; batches of wider lines have fewer lines (see `trainers.batching.batch_planner`).
- `augmentation` scales the strength of all augmentations together (see `trainers.batching.augment`).
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
    """The settings of a training.

    Attributes:
        learning_rate: highest learning rate of the schedule, in [1e-8, 1].
        warmup_epochs: epochs over which the learning rate rises linearly from near 0; before a cosine at most a third of the
            training.
        schedule: "cosine" falls to `final_rate` at the last epoch, so it needs to know which one that is; "constant" keeps the
            rate after the warm-up, so a training may end after any epoch and be continued after any.
        final_rate: learning rate at the end of the cosine schedule, as a fraction of `learning_rate`, in [0, 1].
        weight_decay: weight decay, 0 to 10.
        decoupled_decay: true uses AdamW, without decay on biases and normalisation layers; false uses Adam, whose decay
            is an L2 term in the gradient of every weight.
        batch_lines: lines of average width in a batch, 1 to 4096; 0 chooses by the number of lines (`lines_per_batch`).
        clip_norm: largest norm of the gradient of all weights together; 0 does not clip.
        augmentation: strength of the augmentation, in [0, 1]; 0 does not augment.
        join_share: fraction of training samples that are two lines joined into one, in [0, 1].
        drawn_share: fraction of training samples that are drawn lines (`trainers.data.rendered`), in [0, 1]; without it,
            drawn lines are shown as often as any others. It needs drawn lines among the training lines, unless it is 0.
        ema_decay: decay per step of the exponential moving average of the weights, in [0, 1); 0 keeps no average.
        flat_start: fraction of the training, in [0, 1] and at most 2,000 steps, over which an auxiliary loss fades
            out. It aligns the label of a CTC head evenly to the time steps, so that the head does not begin by predicting blank
            everywhere; 0 does without (`trainers.training.flat_start`).
        flat_start_steps: optimizer steps over which that loss fades out, 0 to 100,000; above 0 it replaces `flat_start`, so
            that the number of epochs does not matter.
        focal_gamma: exponent of the focal weight (1 - p)^gamma of each line's loss, 0 to 10; 0 weights all lines equally.
        label_smoothing: fraction of a CTC head's loss that is its cross-entropy against the uniform distribution, in [0, 0.99].
        even_contrast: whether each line is normalised to mean 0 and a fixed contrast, in training and by the reader of the file
            (`trainers.base.preprocess`).
        precision: "auto" (bf16 on a GPU that supports it, else fp32), "fp32" or "bf16".
        pretrained: "" trains from random weights; "timm" initialises backbones `timm/<name>` of 100 % width with the weights
            that timm publishes, downloaded when the training starts; any other text names a file with such weights. Other
            backbones and widths have no pretrained weights, and start from random ones.
        min_epoch_lines: an epoch shows fewer training lines than this several times, until it has shown as many; 0 shows them
            once.
        max_epoch_lines: an epoch shows at most about so many of the training lines, and the next epochs the others; 0 shows
            all of them.
        validation_lines: the most validation lines that are read after an epoch; 0 reads all. The final measurement reads all.
        finish_epochs: epochs at a falling learning rate after the training, 0 to 100 (`trainers.quantisation.finish`): for the
            files of a single training, and for those on the front when a search ends; 0 does without. The training itself does
            not depend on them.

    Raises:
        UserError: there are unknown names or values out of range; one message names all of them.
    """

    called: ClassVar[str] = "recipe"

    learning_rate: float = Field(default=1e-3, ge=1e-8, le=1)
    warmup_epochs: float = Field(default=2.0, ge=0, le=10_000)
    schedule: Literal["cosine", "constant"] = "cosine"
    final_rate: float = Field(default=0.0, ge=0, le=1)
    weight_decay: float = Field(default=1e-5, ge=0, le=10)
    decoupled_decay: bool = False
    batch_lines: int = Field(default=64, ge=0, le=4096)
    clip_norm: float = Field(default=0.0, ge=0, le=1e9)
    augmentation: float = Field(default=0.5, ge=0, le=1)
    join_share: float = Field(default=0.0, ge=0, le=1)
    drawn_share: float | None = Field(default=None, ge=0, le=1)
    ema_decay: float = Field(default=0.0, ge=0, le=0.99999)
    flat_start: float = Field(default=0.0, ge=0, le=1)
    flat_start_steps: int = Field(default=0, ge=0, le=100_000)
    focal_gamma: float = Field(default=0.0, ge=0, le=10)
    label_smoothing: float = Field(default=0.0, ge=0, le=0.99)
    even_contrast: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    pretrained: str = ""
    min_epoch_lines: int = Field(default=0, ge=0, le=10**9)
    max_epoch_lines: int = Field(default=0, ge=0, le=10**9)
    validation_lines: int = Field(default=2000, ge=0, le=10**9)
    finish_epochs: int = Field(default=0, ge=0, le=100)

    @property
    def digest(self) -> str:
        """12 hex digits that identify how a network trains. Settings at their defaults do not count, so new ones change no
        digest; neither does the finish, which comes after the training."""
        defaults = {name: field.default for name, field in Recipe.model_fields.items() if name != "finish_epochs"}
        changed = {name: value for name, value in self.as_dict().items() if name in defaults and value != defaults[name]}
        text = json.dumps(changed, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def learning_rate_at(self, epoch: float, epochs: int) -> float:
        """Learning rate of the schedule: linear warm-up, then half a cosine or a constant.

        Args:
            epoch: epochs done, may be fractional.
            epochs: number of epochs of the whole training.
        """
        constant = self.schedule == "constant"
        warmup = self.warmup_epochs if constant else min(self.warmup_epochs, epochs / 3)
        if epoch < warmup:
            return self.learning_rate * max(epoch / warmup, 0.01)
        if constant:
            return self.learning_rate
        done = min(1.0, (epoch - warmup) / max(epochs - warmup, 1e-9))
        low = self.final_rate
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))

    @property
    def is_anytime(self) -> bool:
        """Whether no setting depends on the number of epochs, so that a training may end after any epoch."""
        return self.schedule == "constant" and (not self.flat_start or self.flat_start_steps > 0)

    def lines_per_batch(self, training_lines: int, device: str = "cpu") -> int:
        """Lines of average width in a batch: `batch_lines`, or if it is 0, a 250th of the lines of an epoch, but 8 to 64.

        So an epoch has enough steps. On a CPU small batches are no slower: with 3,900 characters a line takes 12 ms in batches
        of 16 and 18 ms in batches of 64, whose tensors exceed the caches. With 240 lines and starter weights, batches of 8 read
        better after equal seconds than those of 16 and 32, which train a line 1.3 and 1.5 times as fast. A GPU is idle for most
        of a small batch, so there `max_epoch_lines` does not count.

        Args:
            training_lines: number of training lines.
            device: where it is trained, "cpu" or such as "cuda:0".
        """
        shown = min(training_lines, self.max_epoch_lines) if self.max_epoch_lines and device == "cpu" else training_lines
        return self.batch_lines or min(max(shown // 250, 8), 64)


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
RECIPES["anytime"] = RECIPES["paretext"].with_(
    schedule="constant",
    ema_decay=0.998,
    flat_start=0.0,
    flat_start_steps=600,
    min_epoch_lines=2000,
    max_epoch_lines=4000,
    validation_lines=1000,
    finish_epochs=1,
)
"""Recipes by name: `anytime` is the default, chosen in benchmarks/anytime; `paretext` was the default up to version 0.1, and
trains along a cosine to a fixed number of epochs; `seed` is the recipe of the published scores."""


def find_recipe(name: str) -> Recipe:
    """Finds a recipe by name.

    Raises:
        UserError: no recipe has that name; the message names the most similar.
    """
    from search_space.catalog import nearest

    if name not in RECIPES:
        raise UserError(f"no recipe is called '{name}'{nearest(name, list(RECIPES))} (known: {', '.join(sorted(RECIPES))})")
    return RECIPES[name]
