"""`examples/browser` reads in Chromium what Paretext reads."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from testing.template_reader import CHARSET, TemplateReader, drawn_line
from trainers.base.preprocess import Contrast
from trainers.export.onnx_file import export
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.reader import Reader

EXAMPLE = Path(__file__).parents[2] / "examples" / "browser"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of the example, served from a copy, and the folder of the copy."""
    if not (EXAMPLE / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("onnxruntime-web is not installed: npm install --prefix examples/browser")
    site = tmp_path / "site"
    shutil.copytree(EXAMPLE, site, ignore=shutil.ignore_patterns("node_modules", "*.onnx"))
    (site / "node_modules").symlink_to(EXAMPLE / "node_modules")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", site
        server.shutdown()


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Lines as they are, enlarged, reduced, transparent, turned by the camera; and a file that is no image, at the end."""
    random, found = np.random.default_rng(4), []
    for number, size in enumerate((None, (300, 91), (77, 20), (250, 64), (120, 37))):
        image = Image.fromarray(drawn_line("A1B2C3"[number:] + "XYZ", random))
        image = image if size is None else image.resize(size)
        found.append(tmp_path / f"{number}.png")
        if number == 3:
            image.putalpha(Image.fromarray(random.integers(120, 256, (size[1], size[0]), dtype=np.uint8)))  # type: ignore[index]
        if number == 4:
            turned = Image.Exif()
            turned[0x0112] = 6
            image.transpose(Image.Transpose.ROTATE_90).save(found[-1], exif=turned)
        else:
            image.save(found[-1])
    return found


@pytest.mark.slow
def test_the_page_reads_what_paretext_reads(page: tuple[str, Path], images: list[Path], tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not on the PATH")
    address, site = page
    (tmp_path / "text.png").write_text("no image")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            for contrast in get_args(Contrast):
                metadata = ModelMetadata(CHARSET, "none", 32, 4, {}, "0" * 16, "0" * 16, contrast=contrast)
                export(TemplateReader(CHARSET, 0.1), site / "model.onnx", metadata)
                reader = Reader(site / "model.onnx")
                expected = [reader.read([Image.open(image)])[0].text for image in images]
                assert any(expected)
                tab, errors = browser.new_page(), list[str]()
                tab.on(
                    "console", lambda message, errors=errors: errors.append(message.text) if message.type == "error" else None
                )
                tab.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
                tab.goto(address)
                tab.wait_for_function("document.getElementById('state').textContent.startsWith('Ready')", timeout=120_000)
                tab.set_input_files("#files", [*images, tmp_path / "text.png"])
                tab.wait_for_function("document.querySelectorAll('li').length == 6", timeout=60_000)
                tab.wait_for_function("document.querySelector('small').textContent.includes('cannot be read')", timeout=60_000)
                read = tab.eval_on_selector_all("output", "found => found.map(each => each.textContent)")
                assert read[::-1] == [*expected, ""]
                assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth") and errors == []
                tab.close()
        finally:
            browser.close()
