#!/usr/bin/env bash
# Builds the documentation as a site, and checks its links and anchors; prints where it is.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(.ci/venv.sh .ci/docs-requirements.txt .build/docs)
python3 .ci/book.py .build/book
"$tools/mdbook" build .build/book 2>.build/book/mdbook.log || { cat .build/book/mdbook.log >&2; exit 1; }
if grep -E '(WARN|ERROR)' .build/book/mdbook.log >&2; then exit 1; fi
"$tools/linkchecker" --config .ci/linkchecker.ini .build/book/html/index.html >.build/book/links.log 2>&1 || {
  cat .build/book/links.log >&2
  echo "error: the book has links that lead nowhere, see above" >&2
  exit 1
}
grep "^That's it" .build/book/links.log >&2
echo "$PWD/.build/book/html/index.html"
