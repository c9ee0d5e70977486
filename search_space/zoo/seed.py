"""The 16 models of the seed, by the ids under which it lists them.

Accuracy is exact match on the contest's hidden test images; sizes are the exported Paddle model's, weights plus program.
The seed's charset: 3,937 characters and a second space, 3,938 symbols.
"""

from __future__ import annotations

from search_space.zoo.published import Published

SYMBOLS = 3938
"""Characters of the seed's charset: a CTC head has 3,939 outputs, its attention head 3,940."""

MODELS: dict[str, Published] = {
    "mobilev3_small_1.0": Published(
        fields={},
        accuracy=0.6836,
        allocated_mib=6.9,
        logged_parameters=1_538_241,
        built_parameters=1_538_241,
        epochs=200,
    ),
    "mobilev3_ca_small_1.0": Published(
        fields={"attention": "coordinate"},
        accuracy=0.6786,
        allocated_mib=5.9,
        logged_parameters=1_177_804,
        built_parameters=1_177_804,
        epochs=200,
    ),
    "mobilev3_metaaconc_small_1.0": Published(
        fields={"activation": "meta_acon_c"},
        accuracy=0.6787,
        allocated_mib=10.5,
        logged_parameters=1_872_841,
        built_parameters=1_872_841,
        epochs=200,
    ),
    "mobilev3_fpn_small_1.0": Published(
        fields={"neck": "fpn_a"},
        accuracy=0.7161,
        allocated_mib=4.8,
        logged_parameters=1_638_145,
        built_parameters=1_044_961,
        epochs=200,
        note="the log also counts the blocks behind the last tapped one",
    ),
    "mobilev3_fpn_large_0.5_96bigru": Published(
        fields={"backbone": "mobilenetv3_large", "width_percent": 50, "neck": "fpn_a", "encoder_hidden": 96},
        accuracy=0.7243,
        allocated_mib=7.6,
        logged_parameters=2_098_169,
        built_parameters=1_680_649,
        epochs=500,
        note="the log also counts the blocks behind the last tapped one",
    ),
    "mobilev3_fpn_bp_small_1.0": Published(
        fields={"neck": "fpn_a", "pooling": "blur"},
        accuracy=0.7145,
        allocated_mib=4.8,
        logged_parameters=1_638_145,
        built_parameters=1_044_961,
        epochs=200,
        note="the log also counts the blocks behind the last tapped one",
    ),
    "mobilev3_fpnb_small_1.0": Published(
        fields={"neck": "fpn_b"},
        accuracy=0.7248,
        allocated_mib=7.5,
        logged_parameters=1_657_761,
        built_parameters=1_657_761,
        epochs=200,
    ),
    "mobilev3_fpnc_small_1.0": Published(
        fields={"neck": "fpn_c"},
        accuracy=0.729,
        allocated_mib=7.3,
        logged_parameters=1_614_849,
        built_parameters=1_614_849,
        epochs=200,
    ),
    "mobilev3_fpnd_small_1.0": Published(
        fields={"neck": "fpn_d"},
        accuracy=0.7319,
        allocated_mib=8.5,
        logged_parameters=1_909_185,
        built_parameters=1_909_185,
        epochs=200,
    ),
    "resnet18_64_prune_0.9": Published(
        fields={
            "backbone": "resnet18",
            "attention": "none",
            "encoder_hidden": 64,
            "prune_percent": 90,
            "prune_criterion": "fpgm",
        },
        accuracy=0.7177,
        allocated_mib=8.9,
        logged_parameters=2_215_209,
        built_parameters=12_014_403,
        epochs=200,
        note="pruned; we build it whole",
    ),
    "resnet18se_64_prune_0.91": Published(
        fields={"backbone": "resnet18", "encoder_hidden": 64, "prune_percent": 91, "prune_criterion": "fpgm"},
        accuracy=0.7202,
        allocated_mib=9.8,
        logged_parameters=2_371_780,
        built_parameters=12_364_963,
        epochs=200,
        note="pruned; we build it whole",
    ),
    "resnet18_48_prune_0.9": Published(
        fields={"backbone": "resnet18", "attention": "none", "prune_percent": 90, "prune_criterion": "fpgm"},
        accuracy=0.7076,
        allocated_mib=8.9,
        logged_parameters=2_104_710,
        built_parameters=11_795_811,
        epochs=200,
        note="pruned; we build it whole",
    ),
    "resnet18se_48_prune_0.9": Published(
        fields={"backbone": "resnet18", "prune_percent": 90, "prune_criterion": "fpgm"},
        accuracy=0.7087,
        allocated_mib=9.1,
        logged_parameters=2_161_396,
        built_parameters=12_146_371,
        epochs=200,
        note="pruned; we build it whole",
    ),
    "rare_mv3_small_0.5_32bigru_att": Published(
        fields={"width_percent": 50, "encoder_hidden": 32, "head": "attention", "head_rank": 32},
        accuracy=0.4329,
        allocated_mib=9.2,
        logged_parameters=860_500,
        built_parameters=860_500,
        epochs=200,
    ),
    "star_mv3_fpnb_small_1.0": Published(
        fields={"neck": "fpn_b", "rectifier": "tps"},
        accuracy=0.7093,
        allocated_mib=15.4,
        logged_parameters=1_767_023,
        built_parameters=1_766_777,
        epochs=200,
        note="TPS's layer of 246 weights with the learning rate 0 is not built",
    ),
    "mobilev3_fpnd_large_0.5": Published(
        fields={"backbone": "mobilenetv3_large", "width_percent": 50, "neck": "fpn_d", "encoder_hidden": 72},
        accuracy=0.735,
        allocated_mib=9.3,
        logged_parameters=2_068_169,
        built_parameters=2_068_169,
        epochs=200,
    ),
}
