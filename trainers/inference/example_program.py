"""A short Python program that reads images with one exported file, for people who do not want to install Paretext.

It needs onnxruntime, numpy and Pillow. What depends on the file is taken from its metadata: when the program is written, how
pixels become numbers and how logits become text; when it runs, height, width and charset.
"""

from __future__ import annotations

from trainers.base.deep_images import OVERSHOT, SIGNED_BELOW
from trainers.base.preprocess import EVEN_DEVIATION, LEAST_DEVIATION
from trainers.inference.model_metadata import ModelMetadata

PROGRAM = '''\
"""Reads lines of text: python {program} IMAGE ...   It needs onnxruntime, numpy and Pillow."""
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

network = onnxruntime.InferenceSession(str(Path(__file__).with_name({model!r})))
about = network.get_modelmeta().custom_metadata_map
height, multiple, symbols = int(about["height_px"]), int(about["canonical_multiple"]), ["", *json.loads(about["charset"])]

for name in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(name))
    if image.mode[0] in "IF":  # pixels of 8 to 32 bits, of which the largest value shows how many; or from 0 to 1, or -1 to 1
        deep = np.nan_to_num(np.asarray(image, np.float64))
        full = 2 ** next((bits for bits in (8, 10, 12, 14, 16) if deep.max() < 2**bits), int(deep.max()).bit_length()) - 1
        small = image.mode == "F" and abs(deep).max() <= {overshot}
        low, high = (-1 if deep.min() < {signed_below} else 0, 1) if small else (0, full)
        image = Image.fromarray(np.clip(np.rint((deep - low) * 255 / (high - low)), 0, 255).astype(np.uint8))
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    width = max(1, round(image.width * height / image.height))
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 127.5 - 1
{contrast}    line = np.pad(pixels.transpose(2, 0, 1), ((0, 0), (0, 0), (0, -width % multiple)))
    best = network.run(None, {{network.get_inputs()[0].name: line[None]}})[0][0].argmax(axis=1)
    print(name, "".join({decoding}), sep="\\t")
'''
"""The program, to be completed by `example_program`."""

CONTRAST = {
    "plain": "",
    "even": f"""\
    pixels = pixels - pixels.mean(axis=(0, 1))
    pixels = np.clip(pixels * {EVEN_DEVIATION} / (pixels.std() + {LEAST_DEVIATION}), -1, 1)
""",
}
"""How pixels become numbers (`trainers.base.preprocess.to_input`)."""

DECODING = {
    "ctc": "symbols[k] for k, before in zip(best, [0, *best]) if k != before",
    "attention": "symbols[k] for k in best[: [*best, 0].index(0)] if k < len(symbols)",
}
"""How the best class of each step becomes text (`trainers.inference.decode`)."""


def example_program(metadata: ModelMetadata, model: str, program: str) -> str:
    """The source of the program.

    Args:
        metadata: of the exported file.
        model: name of the exported file, which is in the same folder.
        program: name of the program's file.
    """
    return PROGRAM.format(
        program=program,
        model=model,
        contrast=CONTRAST[metadata.contrast],
        decoding=DECODING[metadata.decoding],
        overshot=OVERSHOT,
        signed_below=SIGNED_BELOW,
    )
