"""Make docs/resources.md from data/resources.csv.

    python -m tools.resources_page          writes docs/resources.md
    python -m tools.resources_page --check  compares instead, fails on a difference

The same table gives the same bytes; nothing is looked up.
"""

import argparse
import sys
from pathlib import Path

from helpers.messages import say
from helpers.resources import RESOURCES, SECTIONS, load_resources, resources_table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "resources.md"
HEAD = """\
# Where to read on

The links of the lesson (its text and its page of resources), sorted by its questions,
and some that we add. `python -m tools.resources_page` makes this page from
[data/resources.csv](../data/resources.csv): change the table, not the page.

- **looked at** is a day. We looked at stored public copies, never at live pages.
- **not seen** means that we found no such copy and only have the address.
- Addresses are the lesson's own, without the part that counts visitors. What it links
  to twice is here once. Two posts that announced releases of AutoTrain are left out.
- Links rot. If one fails, search for its title.
"""


def page(path: Path = RESOURCES) -> str:
    """Return the page as Markdown.

    Args:
        path: the table.

    Raises:
        ValueError: a field of the table is not as expected.
    """
    known = {one.section for one in load_resources(path)}
    parts = [HEAD]
    for section in SECTIONS:
        if section in known:
            table = resources_table(section, path, named_by=True).markdown()
            parts.append(f"## {say(f'resources.section.{section}')}\n\n{table}\n")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    made = page()
    if parser.parse_args(arguments).check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made
        if not same:
            print(
                "docs/resources.md is not what data/resources.csv gives. Make it "
                "again: python -m tools.resources_page",
                file=sys.stderr,
            )
        return 0 if same else 1
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
