# Completion of prog for bash. Written by: prog completion bash
_prog() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    local place='' flags='' words='' i
    # Bash takes the = between a flag and its value for a word of its own.
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev="${COMP_WORDS[COMP_CWORD-2]}"
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${place:+$place }${COMP_WORDS[i]}" in
        'run' | 'key' | 'key new' | 'key show' | 'completion' | 'help')
            place="${place:+$place }${COMP_WORDS[i]}" ;;
        esac
    done
    case "$place $prev" in
    'run --mode')
        COMPREPLY=($(compgen -W 'slow fast' -- "$cur"))
        return ;;
    'run --peer') return ;;
    esac
    case "$place" in
    '')
        words='run key completion help'
        flags='--help' ;;
    'run')
        words=''
        flags='--mode --peer --loud --help' ;;
    'key')
        words='new show'
        flags='--help' ;;
    'key new')
        words=''
        flags='--help' ;;
    'key show')
        words=''
        flags='--help' ;;
    'completion')
        words='bash zsh fish'
        flags='--help' ;;
    'help')
        words='run key completion help'
        flags='--help' ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    fi
}
complete -o default -F _prog prog
