#!/usr/bin/env bash
# Prints the chart's README.md with the table of values made anew from values.yaml: each key, its default, and the comment above it.
set -euo pipefail

chart=$(dirname "${BASH_SOURCE[0]}")/../charts/migration-task-watch

table() {
  awk '
    function row(default_value) { printf "| `%s` | %s | %s |\n", path, default_value, comment }
    # A key without a value of its own: a map, which needs a row only for its comment, or a list in lines of its own.
    function settle(is_list) {
      if (waits && is_list) row("see [values.yaml](values.yaml)")
      else if (waits && comment != "") row("")
      if (waits) comment = ""
      waits = 0
    }
    BEGIN { print "| value | default | |"; print "|---|---|---|" }
    { match($0, /^ */); depth = RLENGTH / 2; text = substr($0, RLENGTH + 1) }
    text == "" { comment = ""; next }
    listed && depth > list_depth { next }
    { listed = 0 }
    text ~ /^- / { settle(1); listed = 1; list_depth = depth - 1; next }
    text ~ /^# / { settle(0); comment = comment (comment == "" ? "" : " ") substr(text, 3); next }
    match(text, /^[A-Za-z_]+:/) {
      settle(0)
      keys[depth] = substr(text, 1, RLENGTH - 1)
      path = keys[0]
      for (level = 1; level <= depth; level++) path = path "." keys[level]
      value = substr(text, RLENGTH + 2)
      if (value == "") { waits = 1; next }
      row("`" value "`")
      comment = ""
      next
    }
    { printf "error: values.yaml, line %d is neither a comment, a key nor a list: %s\n", NR, $0 >"/dev/stderr"; exit 1 }
  ' "$chart/values.yaml"
}

rows=$(table)
rows=$rows awk '
  /^<!-- values: / { print; print ""; print ENVIRON["rows"]; print ""; inside = 1; next }
  /^<!-- end -->/ { inside = 0 }
  !inside
' "$chart/README.md"
