package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// CompletionCmd prints a script that completes the command line of a program.
type CompletionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell for which to print the script: ${enum}."`
}

// Help tells how to install the script.
func (*CompletionCmd) Help() string {
	return `Prints a script with which a shell completes commands, flags and their values when
the Tab key is pressed. Have the shell read it at every start, here for lode:

  bash: echo 'source <(lode completion bash)' >> ~/.bashrc
  zsh:  echo 'source <(lode completion zsh)' >> ~/.zshrc     (after compinit)
  fish: lode completion fish > ~/.config/fish/completions/lode.fish

The script lists what this version of the program has: print it again after an
upgrade.`
}

// Run prints the script, which it makes of the program's own commands and flags.
func (c *CompletionCmd) Run(s Std, k *kong.Context) error {
	program := describe(k.Model)
	write := map[string]func(io.Writer, completion){"bash": writeBash, "zsh": writeZsh, "fish": writeFish}[c.Shell]
	var script strings.Builder
	write(&script, program)
	_, err := io.WriteString(s.Out, script.String())
	return err
}

// completion is what can be completed in the command line of a program.
type completion struct {
	name     string
	commands []command // the program itself is the first one
}

// command is a program or one of its commands.
type command struct {
	path        string // for example "key new"; "" for the program
	help        string
	subcommands []word
	words       []string // values of its argument; none: file names, or whatever the user writes
	flags       []option
}

type word struct{ name, help string }

type option struct {
	word
	value  string   // placeholder; "" if the flag takes no value
	values []string // all values that the flag may have; none: anything
}

func describe(app *kong.Application) completion {
	c := completion{name: app.Name}
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		cmd := command{path: path, help: n.Help}
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			entry := option{word: word{f.Name, f.Help}}
			if !f.IsBool() {
				entry.value = strings.Trim(cmp.Or(f.PlaceHolder, strings.ToUpper(f.Name)), `"`)
			}
			if f.Enum != "" {
				entry.values = f.EnumSlice()
			}
			cmd.flags = append(cmd.flags, entry)
		}
		if n != app.Node {
			cmd.flags = append(cmd.flags, option{word: word{"help", "Show help."}})
		}
		for _, p := range n.Positional {
			if p.Enum != "" {
				cmd.words = p.EnumSlice()
			}
		}
		at := len(c.commands)
		c.commands = append(c.commands, cmd)
		for _, child := range n.Children {
			if child.Hidden || child.Type != kong.CommandNode {
				continue
			}
			c.commands[at].subcommands = append(c.commands[at].subcommands, word{child.Name, child.Help})
			walk(child, strings.TrimSpace(path+" "+child.Name))
		}
	}
	walk(app.Node, "")
	for i := range c.commands {
		if c.commands[i].path == "help" {
			for _, w := range c.commands[0].subcommands {
				c.commands[i].words = append(c.commands[i].words, w.name)
			}
		}
	}
	return c
}

// names returns what can be completed at the place of a command's argument.
func (c command) names() []string {
	var names []string
	for _, s := range c.subcommands {
		names = append(names, s.name)
	}
	return append(names, c.words...)
}

func writeBash(w io.Writer, c completion) {
	fmt.Fprintf(w, `# Completion of %[1]s for bash. Written by: %[1]s completion bash
_%[1]s() {
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
`, c.name)
	var paths []string
	for _, cmd := range c.commands[1:] {
		paths = append(paths, "'"+cmd.path+"'")
	}
	fmt.Fprintf(w, "        %s)\n            place=\"${place:+$place }${COMP_WORDS[i]}\" ;;\n        esac\n    done\n", strings.Join(paths, " | "))
	fmt.Fprintf(w, "    case \"$place $prev\" in\n")
	for _, cmd := range c.commands {
		for _, f := range cmd.flags {
			pattern := fmt.Sprintf("'%s --%s'", cmd.path, f.name)
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, "    %s)\n        COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n        return ;;\n", pattern, strings.Join(f.values, " "))
			case f.value != "":
				fmt.Fprintf(w, "    %s) return ;;\n", pattern)
			}
		}
	}
	fmt.Fprintf(w, "    esac\n    case \"$place\" in\n")
	for _, cmd := range c.commands {
		var flags []string
		for _, f := range cmd.flags {
			flags = append(flags, "--"+f.name)
		}
		fmt.Fprintf(w, "    '%s')\n        words='%s'\n        flags='%s' ;;\n", cmd.path, strings.Join(cmd.names(), " "), strings.Join(flags, " "))
	}
	fmt.Fprintf(w, `    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    fi
}
complete -o default -F _%[1]s %[1]s
`, c.name)
}

func writeZsh(w io.Writer, c completion) {
	quote := strings.NewReplacer(`'`, `'\''`, `[`, `\[`, `]`, `\]`, `:`, `\:`)
	fmt.Fprintf(w, `#compdef %[1]s
# Completion of %[1]s for zsh. Written by: %[1]s completion zsh
_%[1]s() {
    local place='' word
    for word in ${words[2,CURRENT-1]}; do
        case "${place:+$place }$word" in
`, c.name)
	var paths []string
	for _, cmd := range c.commands[1:] {
		paths = append(paths, "'"+cmd.path+"'")
	}
	fmt.Fprintf(w, "        %s) place=\"${place:+$place }$word\" ;;\n        esac\n    done\n    case \"$place\" in\n", strings.Join(paths, "|"))
	for _, cmd := range c.commands {
		fmt.Fprintf(w, "    '%s')\n", cmd.path)
		// The words of the path are arguments, too, so they are skipped.
		fmt.Fprintf(w, "        _arguments \\\n")
		for _, f := range cmd.flags {
			help := quote.Replace(f.help)
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, "            '*--%s=[%s]:%s:(%s)' \\\n", f.name, help, quote.Replace(f.value), strings.Join(f.values, " "))
			case f.value != "":
				fmt.Fprintf(w, "            '*--%s=[%s]:%s:_files' \\\n", f.name, help, quote.Replace(f.value))
			default:
				fmt.Fprintf(w, "            '--%s[%s]' \\\n", f.name, help)
			}
		}
		switch {
		case len(cmd.subcommands) > 0:
			var list []string
			for _, s := range cmd.subcommands {
				list = append(list, s.name+`\:"`+strings.NewReplacer(`"`, `\"`).Replace(quote.Replace(s.help))+`"`)
			}
			fmt.Fprintf(w, "            '*:command:((%s))' ;;\n", strings.Join(list, " "))
		case len(cmd.words) > 0:
			fmt.Fprintf(w, "            '*:word:(%s)' ;;\n", strings.Join(cmd.words, " "))
		default:
			fmt.Fprintf(w, "            '*:file:_files' ;;\n")
		}
	}
	fmt.Fprintf(w, "    esac\n}\ncompdef _%[1]s %[1]s\n", c.name)
}

func writeFish(w io.Writer, c completion) {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	fmt.Fprintf(w, "# Completion of %[1]s for fish. Written by: %[1]s completion fish\n", c.name)
	for _, cmd := range c.commands {
		when := "__fish_use_subcommand"
		if cmd.path != "" {
			var seen []string
			for _, name := range strings.Fields(cmd.path) {
				seen = append(seen, "__fish_seen_subcommand_from "+name)
			}
			when = strings.Join(seen, "; and ")
			if cmd.path != "help" {
				when += "; and not __fish_seen_subcommand_from help"
			}
		}
		if len(cmd.subcommands) > 0 && cmd.path != "" {
			var names []string
			for _, s := range cmd.subcommands {
				names = append(names, s.name)
			}
			when += "; and not __fish_seen_subcommand_from " + strings.Join(names, " ")
		}
		line := func(format string, args ...any) {
			fmt.Fprintf(w, "complete -c %s -n '%s' %s\n", c.name, when, fmt.Sprintf(format, args...))
		}
		for _, s := range cmd.subcommands {
			line("-f -a %s -d '%s'", s.name, quote.Replace(s.help))
		}
		for _, name := range cmd.words {
			line("-f -a %s", name)
		}
		for _, f := range cmd.flags {
			switch {
			case len(f.values) > 0:
				line("-l %s -x -a '%s' -d '%s'", f.name, strings.Join(f.values, " "), quote.Replace(f.help))
			case f.value != "":
				line("-l %s -r -d '%s'", f.name, quote.Replace(f.help))
			default:
				line("-l %s -d '%s'", f.name, quote.Replace(f.help))
			}
		}
	}
}
