"""A small architecture, a charset with unusual characters, and the metadata of a file that is exported from them."""

from search_space.architecture import Architecture
from trainers.inference.model_metadata import ModelMetadata

SYMBOLS = ("0", "1", "2", '"', "\\", "龍", "é", "𝄞", " ")
"""Characters that JSON escapes or that take several bytes, beside digits and the space."""

SMALL = Architecture(width_percent=25)
"""The default architecture at a quarter of its width, so that it is built and exported fast."""


def small_model_metadata(architecture: Architecture = SMALL) -> ModelMetadata:
    """Metadata of a file with the charset `SYMBOLS`."""
    return ModelMetadata(
        charset=SYMBOLS,
        normaliser="none",
        height_px=architecture.height_px,
        time_stride=architecture.time_stride,
        architecture=architecture.as_dict(),
        digest=architecture.digest,
        data_digest="0" * 16,
    )
