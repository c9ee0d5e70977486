"""Two modern recognisers as baselines for a search, built from components of this space."""

from __future__ import annotations

from search_space.zoo.published import Published

MODELS: dict[str, Published] = {
    "ppocrv4_mobile_like": Published(
        fields={
            "backbone": "lcnet",
            "width_percent": 95,
            "encoder": "svtr",
            "encoder_hidden": 120,
            "encoder_layers": 2,
            "height_px": 48,
            "time_stride": 8,
        },
        note="PP-OCRv4 mobile's recipe: LCNetV3 x0.95 and two blocks of 120; 10.86 MB as fp32 ONNX with its 6,625 classes",
    ),
    "contest_runner_up": Published(
        fields={
            "backbone": "mobilenetv3_large",
            "width_percent": 60,
            "encoder": "lstm",
            "encoder_hidden": 64,
            "encoder_layers": 2,
            "height_px": 48,
            "time_stride": 12,
        },
        accuracy=0.817,
        epochs=2000,
        note="second place in the seed's contest (arXiv 2110.12623), on its second hidden test set",
    ),
}
