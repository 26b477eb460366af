# shellcheck shell=bash disable=SC2034
# Sourced by tools/flam and tools/test: checks in a few milliseconds whether a target is built and newer than its sources.
root=${BASH_SOURCE[0]%/tools/fresh.sh}

# is_fresh TARGET SOURCE... : true when build/release holds TARGET and no tracked file under SOURCE is newer or gone.
is_fresh() {
  local stamp=$root/build/release/.$1-is-built torch stale
  shift
  [[ -e $stamp ]] && read -r torch <"$stamp" || return 1
  [[ -e $torch/lib/libtorch_cpu.so && ${FLAM_TORCH_DIR:-$torch} == "$torch" ]] || return 1
  # Without git (in an unpacked archive), every file is checked.
  stale=$(cd "$root" && { git ls-files -z --error-unmatch -- "$@" 2>/dev/null || find "$@" -type f -print0; } |
    find -files0-from - -maxdepth 0 -newer "$stamp" -print -quit 2>&1) || true
  [[ -z $stale ]]
}

sources=(CMakeLists.txt CMakePresets.json framework plugins apps tools/cmake tools/setup)
