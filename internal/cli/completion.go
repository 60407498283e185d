// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/stats"
)

// The scripts and the manual pages are in docs/ for packagers; a test finds out when
// they are out of date.
//go:generate go test -run "TestGenerated|TestSettingsDocumented" -update .

func (p *program) completion() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Category:    categoryService,
		Usage:       "Print a script that completes commands and options in a shell.",
		Description: "To use it: eval \"$(stats-service completion --shell bash)\"",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "shell", Usage: "The shell (bash, zsh or fish)." + required},
		},
		Action: p.text(func(c *cli.Context) (string, error) {
			write, known := completions[c.String("shell")]
			if !known {
				return "", usagef("--shell %q is unknown: use bash, zsh or fish", c.String("shell"))
			}
			return write(c.App), nil
		}),
	}
}

// text returns the action of a command that only prints a text.
func (p *program) text(write func(c *cli.Context) (string, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := rejectArguments(c); err != nil {
			return err
		}
		if err := requireOptions(c); err != nil {
			return asFailure(c, err)
		}
		text, err := write(c)
		if err != nil {
			return asFailure(c, err)
		}
		if err := p.writeResult([]byte(text)); err != nil {
			return asFailure(c, err)
		}
		return nil
	}
}

// completions holds the generators of completion scripts by shell.
var completions = map[string]func(app *cli.App) string{
	"bash": bashCompletion,
	"zsh":  zshCompletion,
	"fish": fishCompletion,
}

// optionValues returns the values of an option, or nil if they cannot be listed.
func optionValues(name string) []string {
	switch name {
	case "role":
		return []string{stats.RoleUser.String(), stats.RoleAdmin.String()}
	case "shell":
		return []string{"bash", "zsh", "fish"}
	case "type", "stats-type":
		values := []string{allTypes}
		for _, t := range stats.Types() {
			values = append(values, string(t))
		}
		return values
	}
	return nil
}

// optionNames returns the options of a command, --help last.
func optionNames(command *cli.Command) []string {
	var names []string
	for _, flag := range optionsOf(command) {
		for _, name := range flag.Names() {
			names = append(names, dashed(name))
		}
	}
	return append(names, helpOption)
}

func bashCompletion(app *cli.App) string {
	var commands []string
	var options, values strings.Builder
	known := map[string]bool{}
	for _, command := range app.Commands {
		commands = append(commands, command.Name)
		if command.Name != helpName {
			fmt.Fprintf(&options, "        %s) words=%q ;;\n", command.Name, strings.Join(optionNames(command), " "))
		}
		for _, flag := range optionsOf(command) {
			name := flag.Names()[0]
			if list := optionValues(name); list != nil && !known[name] {
				known[name] = true
				fmt.Fprintf(&values, "        --%s) words=%q ;;\n", name, strings.Join(list, " "))
			}
		}
	}
	return fmt.Sprintf(`# bash completion of %[1]s, generated from its commands
_stats_service() {
    local current=${COMP_WORDS[COMP_CWORD]} words=
    if ((COMP_CWORD == 1)); then
        words="%[2]s --help --version -v"
    else
        case ${COMP_WORDS[1]} in
        help) ((COMP_CWORD == 2)) && words="%[2]s" ;;
%[3]s        esac
        case ${COMP_WORDS[COMP_CWORD-1]} in
        --%[5]s) COMPREPLY=($(compgen -f -- "$current")); return ;;
%[4]s        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _stats_service %[1]s
`, app.Name, strings.Join(commands, " "), options.String(), values.String(), tokenFile)
}

func zshCompletion(app *cli.App) string {
	var commands, options strings.Builder
	for _, command := range app.Commands {
		fmt.Fprintf(&commands, "        %s\n", quoteShell(command.Name+":"+command.Usage))
		if command.Name == helpName {
			continue
		}
		fmt.Fprintf(&options, "        (%s) _arguments", command.Name)
		for _, flag := range optionsOf(command) {
			for _, name := range flag.Names() {
				options.WriteString(" " + quoteShell(zshOption(flag, name)))
			}
		}
		options.WriteString(" '--help[Show the help and exit.]' ;;\n")
	}
	return fmt.Sprintf(`#compdef %[1]s
# zsh completion of %[1]s, generated from its commands
_stats_service() {
    local -a commands
    commands=(
%[2]s    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
        (help) _describe command commands ;;
%[3]s    esac
}
if [[ $funcstack[1] == _stats-service ]]; then
    _stats_service "$@" # loaded by the completion itself
else
    compdef _stats_service %[1]s
fi
`, app.Name, commands.String(), options.String())
}

var zshEscapes = strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`)

func zshOption(flag cli.Flag, name string) string {
	text := dashed(name) + "[" + zshEscapes.Replace(optionMeaning(flag)) + "]"
	if _, isBool := flag.(*cli.BoolFlag); isBool {
		return text
	}
	if _, isFile := flag.(*fileFlag); isFile {
		return text + ":file:_files"
	}
	if values := optionValues(name); values != nil {
		return text + ":value:(" + strings.Join(values, " ") + ")"
	}
	return text + ":value: "
}

func fishCompletion(app *cli.App) string {
	var text strings.Builder
	fmt.Fprintf(&text, "# fish completion of %[1]s, generated from its commands\ncomplete -c %[1]s -f\n", app.Name)
	for _, command := range app.Commands {
		fmt.Fprintf(&text, "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", app.Name, command.Name, quoteShell(command.Usage))
		within := fmt.Sprintf("complete -c %s -n '__fish_seen_subcommand_from %s' -l ", app.Name, command.Name)
		for _, flag := range optionsOf(command) {
			name := flag.Names()[0]
			text.WriteString(within + name)
			for _, short := range flag.Names()[1:] {
				text.WriteString(" -s " + short)
			}
			switch flag.(type) {
			case *cli.BoolFlag:
			case *fileFlag:
				text.WriteString(" -r -F")
			default:
				text.WriteString(" -x")
			}
			if values := optionValues(name); values != nil {
				text.WriteString(" -a " + quoteShell(strings.Join(values, " ")))
			}
			text.WriteString(" -d " + quoteShell(optionMeaning(flag)) + "\n")
		}
		text.WriteString(within + "help -d 'Show the help and exit.'\n")
		fmt.Fprintf(&text, "complete -c %s -n '__fish_seen_subcommand_from %s' -a %s\n", app.Name, helpName, command.Name)
	}
	return text.String()
}

// quoteShell quotes a text for a shell.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
