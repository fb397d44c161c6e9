"""Take a picture of LLaMA-Factory's page, for notebook 23.

    make llamafactory
    python -m tools.picture_of_llamafactory      writes docs/pictures/llamafactory.png

The page runs on a free port of the loopback address without a network, and is ended
again with all of its processes. It needs Chromium and playwright, as tests/browser.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from helpers.autotrain_page import browser, free_port
from helpers.charts import Picture
from helpers.child_processes import Started, running
from tools.fill_autotrain_form import only_here
from tools.make_environment import ROOT, python_of

TARGET = ROOT / "docs" / "pictures" / "llamafactory.png"
WIDTH, HEIGHT = 1280, 900
UP_SECONDS = 120
# It writes its language and its folders where it works.
MODEL = "data/base_model"


def variables(port: int) -> dict[str, str]:
    """Return the variables that the page runs with."""
    return {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": "",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def take_picture(url: str, path: Path, page_of: Started) -> None:
    """Wait for the page, fill in the model's folder, and take a picture.

    Args:
        url: of the page.
        path: where the picture goes.
        page_of: the page's processes, for the message when it does not come up.
    """
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser(), args=["--no-sandbox"] if root else []
        )
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.route("**/*", only_here)
        deadline = time.monotonic() + UP_SECONDS
        while True:
            try:
                page.goto(url, wait_until="domcontentloaded")
                break
            except Exception:
                if time.monotonic() > deadline or page_of.process.poll() is not None:
                    raise SystemExit(page_of.last_lines()) from None
                time.sleep(1)
        page.get_by_label("Model path").first.fill(MODEL, timeout=60_000)
        page.get_by_role("tab", name="Train").first.wait_for()
        page.wait_for_timeout(1_500)  # the page moves while it is built up
        page.screenshot(path=path)
        chromium.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=TARGET)
    told = parser.parse_args(arguments)
    port = free_port()
    program = python_of(ROOT / "out" / "llamafactory").with_name("llamafactory-cli")
    with tempfile.TemporaryDirectory(prefix="companion-") as name:
        folder = Path(name)
        with running(
            [program, "webui"], folder=folder, log=folder / "log",
            variables=variables(port),
        ) as started:  # fmt: skip
            take_picture(f"http://127.0.0.1:{port}", folder / "page.png", started)
        picture = Picture.of_file(folder / "page.png", "", width=960)
    told.out.parent.mkdir(parents=True, exist_ok=True)
    told.out.write_bytes(picture.png)
    print(f"{told.out}: {len(picture.png):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
