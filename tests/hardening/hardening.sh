#!/usr/bin/env bash
# hardening.sh FILE|FOLDER...: checks that each program and library is position-independent, resolves its symbols before it
# runs, has a read-only symbol table and a stack that is not executable, guards stack frames, and calls the checking variants
# of printf.
set -euo pipefail
failed=0 checked=0 fortified=0
fail() {
  echo "$file $1"
  failed=1
}
has() { grep -qE "$2" <<<"$1"; }

while read -r file; do
  headers=$(readelf -hlW "$file") dynamic=$(readelf -dW "$file") symbols=$(readelf --dyn-syms -W "$file")
  has "$headers" 'Type: +DYN' || fail "is not position-independent"
  if has "$headers" '^ +INTERP'; then
    has "$dynamic" 'FLAGS_1.*\bPIE\b' || fail "is not a position-independent executable"
  fi
  has "$headers" '^ +GNU_RELRO' && has "$dynamic" 'BIND_NOW' || fail "is not linked with -z relro -z now"
  has "$headers" '^ +GNU_STACK .* RW +0x' || fail "asks for an executable stack"
  has "$symbols" 'UND __stack_chk_fail\b' || fail "is compiled without -fstack-protector-strong"
  # vsnprintf is allowed, because std::to_string takes its address.
  if has "$symbols" 'UND (f|s|sn|vf|vs)?printf\b'; then fail "is compiled without _FORTIFY_SOURCE"; fi
  if has "$symbols" 'UND __[a-z]+_chk\b'; then fortified=$((fortified + 1)); fi
  checked=$((checked + 1))
done < <(find "$@" -type f ! -name '*.json')

echo "checked $checked files, $fortified with fortified calls"
[[ $checked -gt 4 && $fortified -gt 0 ]] || { echo "expected libraries, plugins, and a fortified call in one of them"; exit 1; }
exit $failed
