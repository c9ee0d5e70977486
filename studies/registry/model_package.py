"""The folder of a model that MLflow serves: written once, loaded by whoever serves it.

Models from code: a Python file and the ONNX file beside it, nothing pickled.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import import_mlflow
from studies.registry.source_bundler import one_file
from trainers.inference.reader import Reader

NEEDS = ("numpy", "pillow", "onnxruntime")
"""What the Python file imports beside mlflow and what mlflow brings."""


def save_served(folder: Path, file: Path, model_id: str, run_id: str) -> None:
    """Writes the folder: the ONNX file, one Python file, signature, example and requirements.

    Args:
        folder: made here; its parent is there.
        file: the ONNX file.
        model_id: of the logged model that will hold the folder.
        run_id: of the run behind it.
    """
    mlflow = import_mlflow()
    import pandas as pd  # type: ignore[import-untyped]
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    code = folder.with_name("line_reader.py")
    code.write_text(one_file("studies.registry.pyfunc_model"), encoding="utf-8")
    signature = ModelSignature(
        # base64 text or nested lists of pixels: only "any" lets both through
        Schema([ColSpec(AnyType(), "image")]),
        Schema([ColSpec(DataType.string, "text"), ColSpec(DataType.double, "confidence")]),
    )
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(code),
        artifacts={"model": str(file)},
        signature=signature,
        input_example=pd.DataFrame({"image": [example_png_base64(Reader(file).metadata.charset)]}),
        pip_requirements=[f"{name}=={version(name)}" for name in NEEDS],
        mlflow_model=Model(model_id=model_id, run_id=run_id),
    )


def load_served(folder: Path) -> Any:
    """The model, ready to `predict`."""
    return import_mlflow().pyfunc.load_model(str(folder))
