"""The metadata of a trained recogniser's file.

It is apart from `trainers.inference.model_metadata`, since a reader imports neither the network nor the training data.
"""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer
from trainers.base.lineage import Lineage
from trainers.data.dataset import LineDataset
from trainers.inference.model_metadata import ModelMetadata


def metadata_of(
    recognizer: Recognizer,
    architecture: Architecture,
    prepared: LineDataset,
    normaliser: str,
    lineage: Lineage | None = None,
) -> ModelMetadata:
    """The metadata of a trained recogniser's file.

    Args:
        recognizer: trained.
        architecture: what it was built from, in the precision of the file.
        prepared: the lines it was trained on.
        normaliser: name of the normaliser of their labels.
        lineage: what the network inherited; the file names the parent, the share and the epochs of all ancestors.
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
        lineage={} if lineage is None else lineage.scalars,
    )
