"""`paretext serve`: reads images over HTTP with one model."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dashboards.cli import options
from studies.registry.model_lookup import FORMS

LOOPBACK = "127.0.0.1"
"""The address that only this machine can reach."""
DESCRIPTION = """\
Serves a model over HTTP on this machine, and prints a curl command that works: POST /read takes the bytes of an image
and answers {"text": ..., "confidence": ...}. Ctrl-C ends it."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("serve", help="read images over HTTP", description=DESCRIPTION)
    parser.add_argument("model", metavar="MODEL", nargs="?", help=f"{FORMS} (default: the newest champion)")
    parser.add_argument(
        "--port", metavar="P", type=options.port, default=5000, help="TCP port; 0 is any free one (default: 5000)"
    )
    host_help = (
        f"address to listen on; another than {LOOPBACK} lets other machines in, without a password (default: {LOOPBACK})"
    )
    parser.add_argument("--host", metavar="ADDRESS", default=LOOPBACK, help=host_help)
    parser.set_defaults(run=run, interrupted="the server has stopped")


def run(arguments: argparse.Namespace) -> int:
    """Prints the command that asks it, and serves until interrupted."""
    import base64
    import shlex
    import tempfile
    from pathlib import Path

    from dashboards.views.addresses import LOCAL_NAMES, url_of
    from dashboards.views.model_server import open_socket, serve
    from studies.registry.example_image import example_png_base64
    from studies.registry.model_lookup import find_model
    from studies.workspace.paths import Workspace
    from trainers.inference.reader import Reader

    model = find_model(arguments.model, Workspace.of_environment())
    reader = Reader(model.file)
    with open_socket(arguments.host, arguments.port) as listening, tempfile.TemporaryDirectory(prefix="paretext-") as folder:
        example = Path(folder) / "line.png"
        example.write_bytes(base64.b64decode(example_png_base64(reader.metadata.charset)))
        address = url_of(arguments.host, listening.getsockname()[1])
        print(f"{model.title} reads images at {address}/read (Ctrl-C ends it). Try:", flush=True)
        print(f"  curl --data-binary @{shlex.quote(str(example))} {address}/read", flush=True)
        if arguments.host not in LOCAL_NAMES:
            print("paretext: every machine that reaches this address can use the model; there is no password", file=sys.stderr)
        serve(reader, listening)
    return 0
