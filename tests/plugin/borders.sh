#!/usr/bin/env bash
# borders.sh SOURCE_DIR CORE_LIBRARY PLUGIN_DIR: checks which libraries may be linked and which files may be included.
set -euo pipefail
source_dir=$1 core=$2 plugins=$3
failed=0
fail() {
  echo "$1"
  failed=1
}
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

if needed "$core" | grep -E 'torch|c10'; then fail "libflamboyance_core links libtorch"; fi

for library in "$plugins"/libflam_*.so; do
  [ -e "$library" ] || continue
  if needed "$library" | grep '^libflam_'; then fail "$library links another plugin"; fi
  readelf -d "$library" | grep -q NODELETE || fail "$library may be unloaded"
  exported=$(nm -D --defined-only "$library" | awk '{print $NF}')
  [ "$exported" = flam_plugin ] || fail "$library exports more than its entry: ${exported//$'\n'/ }"
done

# A plugin includes framework/sdk.h, files of its own folder and of plugins/KIND/shared, the standard library, ATen and
# c10, and third-party libraries. Its tests may include more, and so may the program that trains a tokenizer.
for folder in "$source_dir"/plugins/*/*/; do
  while read -r file; do
    while read -r mark header; do
      case $mark$header in
        *framework/sdk.h) continue ;;
        '"'*) [ -e "${file%/*}/$header" ] || [[ "$source_dir/$header" == "$folder"* ]] ||
          [[ "$source_dir/$header" == "${folder%/*/}/shared/"* ]] || fail "$file includes $header" ;;
        *framework/* | *plugins/* | *tests/* | *apps/* | *torch/*) fail "$file includes <$header>" ;;
      esac
    done < <(sed -n 's/^ *# *include *\([<"]\)\([^>"]*\)[>"].*/\1 \2/p' "$file")
  done < <(find "$folder" \( -name tests -o -path '*/scenes/tokenizer' \) -prune -o \( -name '*.cpp' -o -name '*.h' \) -print)
done
exit $failed
