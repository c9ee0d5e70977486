"""How many lines a core draws in a second, and 64 of them to look at.

python -m benchmarks.rendering.run --labels LABELS [--fonts DIR] [--count 2000] [--processes 1 2] [--sheet sheet.png]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from trainers.data.contact_sheet import Picture, SheetSection, draw_sheet
from trainers.data.render.fonts import find_faces
from trainers.data.render.plan import drawable, plan_lines, read_texts
from trainers.data.render.write import write_lines


def main() -> None:
    """Measures and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--fonts", type=Path, action="append")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    faces = find_faces(arguments.fonts)
    texts = drawable(read_texts(arguments.labels), faces)
    planned = plan_lines(texts.usable, faces, arguments.count, arguments.seed)
    result: dict[str, object] = {"plan_seconds": round(time.perf_counter() - started, 2)}
    for line in planned[:64]:
        line()  # fonts are opened and textures made once per process; that is not what is measured
    begun = time.process_time()
    images = [line() for line in planned[64:564]]
    result["lines_per_cpu_second"] = round(len(images) / (time.process_time() - begun), 1)
    result["mean_width_px"] = round(float(np.mean([image.width for image in images])), 1)
    result["mean_height_px"] = round(float(np.mean([image.height for image in images])), 1)
    result["mean_characters"] = round(float(np.mean([len(line.text) for line in planned])), 2)
    for processes in arguments.processes:
        with tempfile.TemporaryDirectory() as folder:
            begun, used = time.perf_counter(), _cpu_seconds()
            write_lines(planned, Path(folder) / "out", processes)
            seconds, cpu_seconds = time.perf_counter() - begun, _cpu_seconds() - used
        result[f"lines_per_cpu_second_{processes}_processes"] = round(len(planned) / cpu_seconds, 1)
        result[f"lines_per_second_{processes}_processes"] = round(len(planned) / seconds, 1)
    result |= {
        "lines": len(planned),
        "fonts": len({face.path for face in faces}),
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(result, indent=2))
    if arguments.sheet is not None:
        pictures = [Picture(line(), line.text) for line in planned[:64]]
        draw_sheet([SheetSection("64 rendered lines, in the order in which they are drawn", pictures)]).save(arguments.sheet)


def _cpu_seconds() -> float:
    """CPU time of this process and of its child processes that have ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
