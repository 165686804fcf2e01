# Completion of prog for fish. Written by: prog completion fish
complete -c prog -n '__fish_use_subcommand' -f -a run -d 'Run it.'
complete -c prog -n '__fish_use_subcommand' -f -a key -d 'Keys.'
complete -c prog -n '__fish_use_subcommand' -f -a completion -d 'Print a script.'
complete -c prog -n '__fish_use_subcommand' -f -a help -d 'Show help.'
complete -c prog -n '__fish_use_subcommand' -l help -d 'Show context-sensitive help.'
complete -c prog -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from help' -l mode -x -a 'slow fast' -d 'How it\'s run: slow,fast [one].'
complete -c prog -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from help' -l peer -r -d 'Where to: a URL.'
complete -c prog -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from help' -l loud -d 'Say more.'
complete -c prog -n '__fish_seen_subcommand_from run; and not __fish_seen_subcommand_from help' -l help -d 'Show help.'
complete -c prog -n '__fish_seen_subcommand_from key; and not __fish_seen_subcommand_from help; and not __fish_seen_subcommand_from new show' -f -a new -d 'Make a key, a "good" one.'
complete -c prog -n '__fish_seen_subcommand_from key; and not __fish_seen_subcommand_from help; and not __fish_seen_subcommand_from new show' -f -a show -d 'Show a key.'
complete -c prog -n '__fish_seen_subcommand_from key; and not __fish_seen_subcommand_from help; and not __fish_seen_subcommand_from new show' -l help -d 'Show help.'
complete -c prog -n '__fish_seen_subcommand_from key; and __fish_seen_subcommand_from new; and not __fish_seen_subcommand_from help' -l help -d 'Show help.'
complete -c prog -n '__fish_seen_subcommand_from key; and __fish_seen_subcommand_from show; and not __fish_seen_subcommand_from help' -l help -d 'Show help.'
complete -c prog -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from help' -f -a bash
complete -c prog -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from help' -f -a zsh
complete -c prog -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from help' -f -a fish
complete -c prog -n '__fish_seen_subcommand_from completion; and not __fish_seen_subcommand_from help' -l help -d 'Show help.'
complete -c prog -n '__fish_seen_subcommand_from help' -f -a run
complete -c prog -n '__fish_seen_subcommand_from help' -f -a key
complete -c prog -n '__fish_seen_subcommand_from help' -f -a completion
complete -c prog -n '__fish_seen_subcommand_from help' -f -a help
complete -c prog -n '__fish_seen_subcommand_from help' -l help -d 'Show help.'
