"""What the file of a recogniser just trained says about itself.

Apart from `facts`, which readers take along: this needs the network and its training data.
"""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer
from trainers.data.dataset import LineDataset
from trainers.inference.model_metadata import ModelMetadata


def facts_of(recognizer: Recognizer, architecture: Architecture, prepared: LineDataset, normaliser: str) -> ModelMetadata:
    """What the file of a trained recogniser says about itself.

    Args:
        recognizer: trained.
        architecture: what it was built from, in the precision that the file is stored in.
        prepared: the lines it was trained on.
        normaliser: of their labels.
    """
    return ModelMetadata(
        charset=prepared.charset.symbols,
        normaliser=normaliser,
        height_px=architecture.height_px,
        time_stride=architecture.time_stride,
        architecture=architecture.as_dict(),
        digest=architecture.digest,
        data_digest=prepared.digest,
        decoding=recognizer.head.decoding,
        contrast=recognizer.contrast,
    )
