#!/usr/bin/env bash
# tutorial_blocks.sh SOURCE_DIR: checks that the code block after a line "`FILE`:" in docs/tutorial.md equals
# tests/out_of_tree/tutorial/FILE.
set -euo pipefail
cd "$1"
failed=0
for path in tests/out_of_tree/tutorial/*; do
  file=${path##*/}
  awk -v head="\`$file\`:" '
    $0 == head { wanted = 1; next }
    wanted && /^```/ { if (inside) exit; inside = 1; next }
    inside' docs/tutorial.md | diff -u --label "docs/tutorial.md, $file" --label "$path" - "$path" || failed=1
done
exit $failed
