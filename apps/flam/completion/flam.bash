# Completion of flam in bash: `source <(flam completion bash)`. flam itself gives the candidates, so they include all models
# and components that it finds.
_flam() {
  local line current=${COMP_WORDS[COMP_CWORD]} files= folders=
  [[ $current == = ]] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) files=yes ;;
      :folders) folders=yes ;;
      *) COMPREPLY+=("$line") ;;
    esac
  done < <("${COMP_WORDS[0]}" completion candidates -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ -n $files$folders ]]; then
    compopt -o filenames 2>/dev/null || true  # fails outside of a completion
    local action=-f
    [[ -n $files ]] || action=-d
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$action" -- "$current")
  fi
}
complete -F _flam flam
