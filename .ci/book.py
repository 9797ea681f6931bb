"""Lays out the pages that docs/SUMMARY.md names for mdBook: book.py <output directory>

Pages may lie anywhere in the repository, as the README does. Links between them become links in the book, and links to other files
those to the repository on the web. A link to a file that doesn't exist is an error, in whichever Markdown file, and so is a page of
docs/ that the summary lacks.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

WEB = "https://github.com/migration-task-watch/migration-task-watch"
LINK = re.compile(r"(\[[^\]\n]*\]\()([^)\s]+)(\))")
CODE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)

root = Path(__file__).resolve().parent.parent
summary = Path("docs/SUMMARY.md")
problems = []


def targets(page):
    """Where a page's links lead to in the repository."""
    text = CODE.sub("", (root / page).read_text())
    return [resolve(page, link)[0] for _, link, _ in LINK.findall(text) if is_local(link)]


def is_local(link):
    return not re.match(r"[a-z]+:|#", link)


def resolve(page, link):
    """A link's file in the repository, and its anchor."""
    path, _, anchor = link.partition("#")
    return Path(os.path.normpath(page.parent / path)), anchor


def place(page):
    """Where a page is in the book."""
    page = page.relative_to("docs") if page.is_relative_to("docs") else page
    # mdBook knows README.md by two names, and fits its links to one of them.
    return page.with_name("index.md") if page.name == "README.md" else page


def in_book(page, link, pages):
    """A link as the book has it."""
    if not is_local(link):
        return link
    path, anchor = resolve(page, link)
    if path in pages or path.is_relative_to("docs/images"):
        new = os.path.relpath(place(path), place(page).parent)
    else:
        new = f"{WEB}/{'tree' if (root / path).is_dir() else 'blob'}/main/{path}"
    return f"{new}#{anchor}" if anchor else new


def rewritten(page, pages):
    """A page's text, its links aside from those in code as the book has them."""
    parts = CODE.split((root / page).read_text())
    for index in range(0, len(parts), 2):
        parts[index] = LINK.sub(lambda found: found[1] + in_book(page, found[2], pages) + found[3], parts[index])
    return "".join(parts)


def check(pages):
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=root, check=True, capture_output=True, text=True)
    for page in map(Path, listed.stdout.splitlines()):
        missing = [target for target in targets(page) if not (root / target).exists()]
        problems.extend(f"{page} links to {target}, which doesn't exist" for target in missing)
    for page in sorted((root / "docs").glob("**/*.md")):
        page = page.relative_to(root)
        if page not in pages and page != summary:
            problems.append(f"{page} isn't in {summary}")


def main(output):
    pages = set(targets(summary))
    check(pages)
    if problems:
        sys.exit("\n".join(f"error: {problem}" for problem in problems))
    shutil.rmtree(output, ignore_errors=True)
    for page in pages | {summary}:
        file = output / "src" / place(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(rewritten(page, pages))
    shutil.copytree(root / "docs/images", output / "src/images")
    shutil.copy(root / "book.toml", output)


main(Path(sys.argv[1]).resolve())
