#!/usr/bin/env bash
# Makes the working tree that of a version, and says what comes next: release.sh <version>
set -euo pipefail

version=${1:-}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { echo "error: $*" >&2; exit 1; }

check() {
  local number='(0|[1-9][0-9]*)' rest='(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?' released
  [[ $version =~ ^$number\.$number\.$number$rest$ ]] || die "the version must be one such as 1.2.3 or 1.2.3-rc.1: make release VERSION=1.2.3"
  [[ -z $(git status --porcelain) ]] || die "there are changes that aren't committed: commit or stash them"
  [[ -z $(git tag --list "v$version") ]] || die "the tag v$version exists: choose another version"
  if .ci/release-notes.sh "$version" >/dev/null 2>&1; then die "CHANGELOG.md has the version $version already"; fi
  [[ -n $(.ci/release-notes.sh Unreleased | tr -d '[:space:]') ]] || die "CHANGELOG.md has nothing under Unreleased: there is nothing to release"
  # With ~ a candidate sorts before its version.
  released=$(git tag --list 'v[0-9]*' | sed 's/^v//' | tr - '~' | sort --version-sort | tail -n 1)
  [[ $(printf '%s\n' "$released" "${version/-/\~}" | sort --version-sort | tail -n 1) != "$released" ]] ||
    die "${released/\~/-} is out already, and isn't older than $version"
}

set_version() {
  sed -i -E "/^\[workspace\.package\]$/,/^\[/s/^version = \".*\"$/version = \"$version\"/" Cargo.toml
  sed -i -E "s/^(version|appVersion): .*/\1: $version/" charts/migration-task-watch/Chart.yaml
  sed -i -E "s/^( *newTag): .*/\1: $version/" kustomize/example/kustomization.yaml
  # The lock files have the version of our own crates.
  cargo update --quiet --workspace
  cargo update --quiet --manifest-path fuzz/Cargo.toml --package migration-task-watch
}

kustomization() {
  local part
  for part in crd operator; do
    .ci/kustomize.sh "$part" >"kustomize/base/$part.yaml.new"
    mv "kustomize/base/$part.yaml.new" "kustomize/base/$part.yaml"
  done
}

changelog() {
  sed -i "s/^## \[Unreleased\]$/## [Unreleased]\n\n## [$version] - $(date --utc +%F)/" CHANGELOG.md
}

check
set_version
kustomization
changelog
.ci/version-check.sh "v$version"
git --no-pager diff --stat
cat <<NEXT

The files are those of $version. Next:
  git diff                                          # look at it, CHANGELOG.md above all
  .ci/run                                           # all that must pass
  git commit --all --message "Release $version"
  git push origin HEAD                              # or a pull request; go on when it is merged
  git tag --annotate v$version --message "$version" # --sign if you have a key
  git push origin v$version                         # .github/workflows/release.yaml publishes it
docs/releasing.md says how to do it without that workflow, and how to check what came of it.
NEXT
