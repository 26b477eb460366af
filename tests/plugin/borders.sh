#!/usr/bin/env bash
# borders.sh SOURCE_DIR CORE_LIBRARY PLUGIN_DIR: who may link and include whom.
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
done

# A plugin may include framework/sdk.h and the headers of its own folder.
for folder in "$source_dir"/plugins/*/*/; do
  for file in "$folder"*.cpp "$folder"*.h; do
    [ -e "$file" ] || continue
    while read -r header; do
      [ "$header" = framework/sdk.h ] || [ -e "$folder$header" ] || [[ "$source_dir/$header" == "$folder"* ]] ||
        fail "$file includes $header"
    done < <(sed -n 's/^ *# *include *"\(.*\)".*/\1/p' "$file")
  done
done
exit $failed
