"""Writes and loads the folder of an MLflow pyfunc model that reads text lines.

The folder is written with MLflow's "models from code": it holds a Python file and the ONNX file, and no pickled objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import import_mlflow
from studies.registry.source_bundler import bundle_source
from trainers.inference.reader import Reader, Reading
from trainers.trial.training_record import record_file

REQUIREMENTS = ("numpy", "pillow", "onnxruntime")
"""Packages that the model's Python file imports, besides mlflow and its dependencies. The installed versions are pinned."""


def save_pyfunc_model(folder: Path, file: Path, model_id: str, run_id: str, facts: Mapping[str, str | int | float]) -> None:
    """Writes a pyfunc model: ONNX file, Python file, signature, input example and requirements.

    Args:
        folder: where to write it. It must not exist, but its parent must.
        file: the ONNX file; the record of its training is packed too, if it is beside it.
        model_id: ID of MLflow's logged model that the folder will belong to.
        run_id: ID of the run that the model comes from.
        facts: metadata for the folder's `MLmodel` file.
    """
    mlflow = import_mlflow()
    import pandas as pd  # type: ignore[import-untyped]
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    code, record = folder.with_name("line_reader.py"), record_file(file)
    code.write_text(bundle_source("studies.registry.pyfunc_model"), encoding="utf-8")
    signature = ModelSignature(
        # a cell is base64 text or nested lists of pixels: only the type "any" accepts both
        Schema([ColSpec(AnyType(), "image")]),
        Schema([ColSpec(DataType.string, "text"), ColSpec(DataType.double, "confidence")]),
    )
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(code),
        artifacts={"model": str(file)} | ({"training": str(record)} if record.is_file() else {}),
        signature=signature,
        input_example=pd.DataFrame({"image": [example_png_base64(Reader(file).metadata.charset)]}),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        mlflow_model=Model(model_id=model_id, run_id=run_id, metadata=dict(facts)),
    )


def read_as_served(folder: Path, image: bytes) -> Reading:
    """Returns a reading of an image, made with the pyfunc model of a folder as in a process that serves it.

    This runs the Python file in the folder, so the folder must be one that this process has just written.

    Args:
        folder: what `save_pyfunc_model` has written.
        image: the content of a PNG file.
    """
    import pandas as pd

    answer = import_mlflow().pyfunc.load_model(str(folder)).predict(pd.DataFrame({"image": [image]}))
    return Reading(str(answer["text"][0]), float(answer["confidence"][0]))
