# bash completion of heraldctl. What there is to complete, also the names of services, heraldctl itself says.

_heraldctl() {
  local word
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    COMPREPLY+=("$word")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -o default -F _heraldctl heraldctl
