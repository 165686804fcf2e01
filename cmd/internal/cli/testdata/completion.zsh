#compdef prog
# Completion of prog for zsh. Written by: prog completion zsh
_prog() {
    local place='' word
    for word in ${words[2,CURRENT-1]}; do
        case "${place:+$place }$word" in
        'run'|'key'|'key new'|'key show'|'completion'|'help') place="${place:+$place }$word" ;;
        esac
    done
    case "$place" in
    '')
        _arguments \
            '--help[Show context-sensitive help.]' \
            '*:command:((run\:"Run it." key\:"Keys." completion\:"Print a script." help\:"Show help."))' ;;
    'run')
        _arguments \
            '*--mode=[How it'\''s run\: slow,fast \[one\].]:MODE:(slow fast)' \
            '*--peer=[Where to\: a URL.]:URL:_files' \
            '--loud[Say more.]' \
            '--help[Show help.]' \
            '*:file:_files' ;;
    'key')
        _arguments \
            '--help[Show help.]' \
            '*:command:((new\:"Make a key, a \"good\" one." show\:"Show a key."))' ;;
    'key new')
        _arguments \
            '--help[Show help.]' \
            '*:file:_files' ;;
    'key show')
        _arguments \
            '--help[Show help.]' \
            '*:file:_files' ;;
    'completion')
        _arguments \
            '--help[Show help.]' \
            '*:word:(bash zsh fish)' ;;
    'help')
        _arguments \
            '--help[Show help.]' \
            '*:word:(run key completion help)' ;;
    esac
}
compdef _prog prog
