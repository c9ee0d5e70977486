"""Lists the timm models that can read text lines, so that an architecture with one of them imports neither timm nor torch.

`tests/search_space/test_timm.py` checks each of them as `_timm_verdicts` checks all other models, with every height, time
stride and neck, and with every width for those in `WITH_WIDTHS`.
"""

from __future__ import annotations

WITH_WIDTHS = (
    "convnext_atto",
    "edgenext_xx_small",
    "ghostnet_100",
    "lcnet_050",
    "lcnet_100",
    "mobilenetv3_large_100",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "mobileone_s0",
    "repghostnet_100",
    "repvit_m0_9",
    "rexnet_100",
    "starnet_s050",
    "starnet_s1",
    "tinynet_c",
    "tinynet_e",
)
AT_FULL_WIDTH = ("efficientvit_b0", "fastvit_t8", "hgnetv2_b0", "inception_next_atto", "resnet10t")
"""Models whose families have no width multiplier."""

CHECKED = tuple(sorted((*WITH_WIDTHS, *AT_FULL_WIDTH)))

CUTTABLE = (
    "convnext_atto",
    "hgnetv2_b0",
    "lcnet_050",
    "lcnet_100",
    "mobilenetv3_large_100",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "mobileone_s0",
    "repghostnet_100",
    "repvit_m0_9",
    "resnet10t",
    "starnet_s050",
    "starnet_s1",
    "tinynet_c",
    "tinynet_e",
)
"""Models that can be pruned, as `tests/trainers/pruning/test_pruning.py` checks. The others split channels into parts of fixed
size, or repeat them, which a dependency graph cannot represent."""
