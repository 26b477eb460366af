#!/usr/bin/env bash
# Tests bash's completion function on a few lines: completion.sh FLAM
set -euo pipefail
PATH=$(cd "$(dirname "$1")" && pwd):$PATH
source <(flam completion bash)
failed=0

# complete_line WORD... : prints the completions of the last word, sorted, on one line.
complete_line() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  _flam
  printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

# expect WANTED WORD... : checks that all words in WANTED are among the completions.
expect() {
  local wanted=$1 offers word
  shift
  offers=" $(complete_line "$@")"
  for word in $wanted; do
    [[ $offers == *" $word "* ]] || { echo "'$*' offers$offers, without $word"; failed=1; }
  done
}

# expect_only WANTED WORD... : checks that the completions are exactly the words in WANTED.
expect_only() {
  local wanted=$1 offers
  shift
  offers=$(complete_line "$@")
  [[ $offers == "$wanted " ]] || { echo "'$*' offers $offers, not $wanted"; failed=1; }
}

cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
touch my_config.yaml
mkdir plugins

expect "infer list inspect config describe diff train evaluate score report features convert bench compare schema new-plugin check-plugin completion doctor" flam ""
expect_only "describe" flam des
expect_only "--help --version" flam --
expect_only "flamingo_mini_caption flamingo_mini_fewshot flamingo_mini_forms flamingo_mini_ranking flamingo_mini_vqa" flam describe flamingo_mini_
expect "flamingo_mini_vqa my_config.yaml" flam describe ""
expect_only "flamingo_mini_vqa" flam diff flamingo_mini_caption flamingo_mini_v
expect_only "perceiver" flam inspect perceiv
expect_only "resampler/perceiver" flam inspect resampler/perc
expect "models resampler vision_backbone" flam list ""
expect_only "my_config.yaml" flam train my
expect_only "--threads" flam train --thr
expect_only "bfloat16" flam infer flamingo_mini_caption --dtype b
expect_only "auto cpu cuda" flam infer flamingo_mini_caption --device = ""
expect_only "cpu cuda" flam infer --device = c
expect_only "plugins" flam list --plugin-path pl
expect_only "plugins" flam compare --output pl
expect_only "plugins" flam score pl
expect_only "my_config.yaml" flam infer --output my
expect "my_config.yaml plugins" flam features flamingo_mini_caption --output ""
expect "my_config.yaml plugins" flam features flamingo_mini_caption ""
expect "my_config.yaml plugins" flam convert flamingo_mini_caption ""
expect_only "float16 float32" flam convert flamingo_mini_caption --dtype f
expect_only "flamingo_photo_caption flamingo_photo_ranking flamingo_photo_vqa" flam features flamingo_ph
expect "random my_config.yaml" flam infer flamingo_mini_caption --weights ""
expect_only "flamingo_mini_vqa" flam evaluate --limit 3 --json flamingo_mini_v
expect_only "bash zsh" flam completion ""
expect_only "" flam nonsense ""
exit $failed
