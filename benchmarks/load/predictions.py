"""Many predictions: a client that asks `paretext serve` at a steady rate over loopback."""

from __future__ import annotations

import http.client
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

CLIENTS = 4
"""Connections, each of which asks a quarter of the requests at its own steady pace."""


def _images() -> list[bytes]:
    from PIL import Image

    from testing.striped_lines import striped_lines

    found = []
    lines = striped_lines(50, 0, letters=(1, 8))
    for number in range(len(lines)):
        buffer = io.BytesIO()
        Image.fromarray(lines.image(number)).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return found


def _model(folder: Path) -> Path:
    """A network of the default space, untrained: it computes as much as a trained one."""
    import torch

    from search_space import Architecture
    from search_space.recognizer import build_recognizer
    from testing.small_model import SYMBOLS, small_model_metadata
    from trainers.export.onnx_file import export

    torch.manual_seed(0)
    architecture = Architecture(width_percent=25)
    return export(build_recognizer(architecture, len(SYMBOLS)), folder / "model.onnx", small_model_metadata(architecture))


def serve_and_ask(folder: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Starts the server, asks for so long, and says how long answers took and how the server's memory grew."""
    from benchmarks.load.memory import now_mb

    model, images = _model(folder), _images()
    command = [sys.executable, "-m", "dashboards.cli.command_line", "serve", str(model), "--port", "0"]
    environment = {**os.environ, "PARETEXT_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().partition("http://127.0.0.1:")[2].partition("/")[0])
        _ask(port, images, rate, 20.0)  # pools and caches fill
        memory = [now_mb(server.pid)]
        watch = threading.Event()

        def look() -> None:
            while not watch.wait(60):
                memory.append(now_mb(server.pid))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        latencies, faults, took = _ask(port, images, rate, seconds)
        watch.set()
        memory.append(now_mb(server.pid))
    finally:
        server.terminate()
        server.wait(30)
    latencies.sort()
    at = {
        f"p{share}_ms": round(1000 * latencies[min(len(latencies) - 1, len(latencies) * share // 100)], 1)
        for share in (50, 95, 99)
    }
    return {"answers": len(latencies), "faults": faults, "a_second": round(len(latencies) / took, 1), **at, "server_mb": memory}


def _ask(port: int, images: list[bytes], rate: float, seconds: float) -> tuple[list[float], int, float]:
    """Asks at a rate; each client sends its next request when it is due, or at once where it is late."""
    latencies: list[list[float]] = [[] for _ in range(CLIENTS)]
    faults = [0] * CLIENTS
    began = time.perf_counter()

    def ask(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        number = client
        while (due := began + number / rate) < began + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            try:
                connection.request("POST", "/read", images[number % len(images)])
                answer = connection.getresponse()
                answer.read()
                faults[client] += answer.status != 200
            except OSError:
                faults[client] += 1
                connection.close()
            latencies[client].append(time.perf_counter() - sent)
            number += CLIENTS

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for each in latencies for one in each], sum(faults), time.perf_counter() - began
