"""Fill in AutoTrain's page in headless Chromium, as a person would, and click.

    echo '{"url": ..., "chromium": ..., "project": ..., "base_model": ...,
           "training_file": ..., "column": ..., "params": {...}, "picture": ...}' \\
        | python tools/fill_autotrain_form.py

`helpers.autotrain_page` runs it in a process of its own. The page loads its style
sheets (Tailwind, Flowbite, Font Awesome) from content delivery networks. Nothing is
fetched from there: every request that leaves this machine is refused, and STYLE stands
in for the little that the page needs to be read and used.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

SIZE = {"width": 1100, "height": 560}
PATIENCE_MS = 60_000
# Ours, not AutoTrain's: without any, symbols fill the window and hidden parts show.
STYLE = """
body { font: 14px/1.35 sans-serif; margin: 0; color: #1f2937; background: #f3f4f6 }
.hidden { display: none }
svg, i { display: none }
aside { position: fixed; inset: 0 auto 0 0; width: 220px; padding: 12px;
        background: #fff; border-right: 1px solid #d1d5db }
ul { list-style: none; padding: 0; margin: 6px 0 } aside a { color: inherit }
aside img, aside hr, button[id$="_info"] { display: none }
body > .p-4 { margin: 0 16px 0 260px }
input, select, textarea { font: inherit; width: 100%; box-sizing: border-box;
        padding: 3px 6px; border: 1px solid #9ca3af; border-radius: 4px }
input[type=checkbox] { width: auto }
button { font: inherit; padding: 6px 12px; border-radius: 4px; border: 0 }
#training-data { display: block } #valid-data { display: none }
#data_files_training { display: none } #params_json { max-height: 400px }
#start-training-button { background: #2563eb; color: #fff }
p { margin: 8px 0 2px } .grid { display: grid; gap: 8px 20px }
.grid-cols-2 { grid-template-columns: 1fr 1fr }
.grid-cols-3 { grid-template-columns: 1fr 1fr 1fr }
.columns-2 { display: flex; justify-content: space-between; align-items: center }
[id$="-modal"].flex { position: fixed; inset: 30% 30% auto; padding: 16px;
        background: #fff; border: 1px solid #6b7280; z-index: 99 }
"""


def only_here(route: Route) -> None:
    """Let a request through to this machine, and to no other."""
    here = urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost")
    route.continue_() if here else route.abort()


def fill(page: Page, told: dict[str, Any]) -> None:
    """Fill in all fields, take a picture, and start the training.

    Args:
        page: an empty page of the browser.
        told: what stands in the head of this file.
    """
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*", only_here)
    page.goto(f"{told['url']}/ui/", wait_until="load")
    page.add_style_tag(content=STYLE)
    # The page fills these two by itself, after it was loaded.
    page.wait_for_function("document.querySelectorAll('#base_model option').length")
    page.wait_for_selector("[id^=param_]")
    page.select_option("#task", "llm:sft")
    page.wait_for_function("document.querySelectorAll('#base_model option').length")
    page.select_option("#base_model", told["base_model"])
    page.fill("#project_name", told["project"])
    page.set_input_files("#data_files_training", told["training_file"])
    page.fill("#col_map_text", told["column"])
    page.check("#show-json-parameters")
    page.fill("#params_json", json.dumps(told["params"], indent=2))
    # "No running jobs": before that the page has not yet asked whether it may start.
    page.get_by_text("No running jobs").wait_for()
    if told.get("picture"):
        page.screenshot(path=told["picture"])
    page.click("#start-training-button")
    page.click("#confirmation-modal .confirm")
    said = page.locator("#final-modal .text-center")
    said.get_by_text("Success!").or_(said.get_by_text("Error:")).wait_for()
    if "Success!" not in said.inner_text():
        raise SystemExit(said.inner_text())


def main() -> int:
    """Read what to fill in from the standard input; return the exit code."""
    told = json.load(sys.stdin)
    # The sandbox of Chromium does not work for root, as in containers.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    more = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=told["chromium"],
            args=[*more, *(["--no-sandbox"] if root else [])],
        )
        try:
            fill(browser.new_page(viewport=SIZE), told)
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
