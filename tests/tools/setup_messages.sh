#!/usr/bin/env bash
# setup_messages.sh SETUP: what tools/setup says to a user without root, and to wrong use. Installs nothing: the programs
# that would are replaced, and it never runs as root.
set -uo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tools"
cp "$1" "$folder/tools/setup"
chmod -R a+rX "$folder"
failed=0

# Replace the programs of these names.
dpkg-query() { [[ $* == *gcovr* ]] && echo "${GCOVR_IS:-not-installed}" || echo installed; }
sudo() { [[ ${SUDO_WORKS:-no} == yes ]] || return 1; [[ $1 == -n ]] || echo "as root: $*"; }
dirname() { /usr/bin/dirname "$@"; }
export -f dpkg-query sudo dirname
run=(/bin/bash "$folder/tools/setup")
[[ $EUID -ne 0 ]] || run=(setpriv --reuid 65534 --regid 65534 --clear-groups "${run[@]}")

# expect STATUS PATTERN ARGUMENT... : how tools/setup ARGUMENT... ends and what it says, white space as one space each.
expect() {
  local wanted=$1 pattern=$2 said status
  shift 2
  said=$("${run[@]}" "$@" 2>&1 </dev/null)
  status=$?
  said=$(tr -s '[:space:]' ' ' <<<"$said")
  [[ $status -ne $wanted || ! $said =~ $pattern ]] || return 0
  echo "tools/setup $*: expected status $wanted and: $pattern"
  echo "  status $status, it says: $said"
  failed=1
}

# Without root: one line for the administrator, which names what is missing and nothing else.
expect 2 'this user cannot install them\. .*apt-get update && apt-get install -y --no-install-recommends gcovr $' \
  --packages g++ gcovr python3
# With sudo that needs no password it goes on.
SUDO_WORKS=yes expect 0 'as root: env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends gcovr $' \
  --packages g++ gcovr python3
# Nothing missing: nothing to do, nothing to say.
GCOVR_IS=installed expect 0 '^ ?$' --packages g++ gcovr python3
expect 2 "unknown argument '--test' \(known: --tests, --cuda, --packages NAME\.\.\., --help\)" --test
FLAM_TORCH_DIR=/nowhere expect 2 "FLAM_TORCH_DIR='/nowhere' has no lib/libtorch_cpu\.so\. .*unset FLAM_TORCH_DIR"
FLAM_TORCH_DIR=/nowhere expect 2 '--cuda adds to the libtorch that tools/setup downloads.*Unset one of them' --cuda
expect 0 'tools/setup --packages NAME\.\.\. only install these system packages' --help
# Another distribution has no dpkg-query.
unset -f dpkg-query
run=(/usr/bin/env PATH=/nowhere "${run[@]/#setpriv/$(command -v setpriv)}")
expect 2 'only Debian and Ubuntu are set up automatically .*equivalents of: g\+\+ gcovr and run: FLAM_TORCH_DIR=' \
  --packages g++ gcovr
exit $failed
