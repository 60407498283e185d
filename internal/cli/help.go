// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"flag"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	helpName   = "help"
	helpOption = "--" + helpName
	// helpWidth bounds the lines of a help text, if their words allow.
	helpWidth = 80
	// widestOption is the width of an option up to which its description is beside it.
	widestOption = 26
)

// readOnlyFlag wraps an option of the library, which has one --help and one --version for
// all programs of a process and writes to them. The wrapper lets it write to a copy, so
// that Run is safe for concurrent use.
type readOnlyFlag struct{ *cli.BoolFlag }

// Apply adds a copy of the option to those of a command.
func (f readOnlyFlag) Apply(set *flag.FlagSet) error {
	own := *f.BoolFlag
	return own.Apply(set)
}

func init() {
	cli.HelpFlag = readOnlyFlag{cli.HelpFlag.(*cli.BoolFlag)}
	cli.VersionFlag = readOnlyFlag{cli.VersionFlag.(*cli.BoolFlag)}
}

func (p *program) help() *cli.Command {
	return &cli.Command{
		Name:      helpName,
		Category:  categoryService,
		Usage:     "Show the commands, or the options of one.",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			command := c.App.Command(name)
			switch {
			case name == "":
				return cli.ShowAppHelp(c)
			case c.NArg() > 1:
				return fmt.Errorf("help takes one command, got %q; see `%s --help`", c.Args().Slice(), appName)
			case command == nil:
				return noCommand(c.App, name)
			}
			if err := p.writeResult([]byte(commandHelp(command))); err != nil {
				return asFailure(c, err)
			}
			return nil
		},
	}
}

// topic is an entry of a help text: a word and its meaning.
type topic struct{ word, meaning string }

const settingsNote = "Settings are taken from the environment and from the file that STATS_CONFIG\n" +
	"names (.toml or .yaml), else from /etc/stats-service/stats-service.toml;\n" +
	"config_template prints one that explains each of them.\n"

// appHelp returns the help text of the program.
func appHelp(app *cli.App) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Usage: %s COMMAND [OPTIONS]\n\n  %s\n", app.Name, app.Usage)
	for _, category := range categories() {
		var topics []topic
		for _, command := range app.Commands {
			if command.Category == category {
				topics = append(topics, topic{command.Name, command.Usage})
			}
		}
		writeTopics(&text, category, topics)
	}
	writeTopics(&text, "Options", []topic{
		{helpOption, "Show this message, or that of a command, and exit."},
		{"--version", "Show the version and exit."},
	})
	text.WriteString("\n" + settingsNote)
	return text.String()
}

// commandHelp returns the help text of a command.
func commandHelp(command *cli.Command) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Usage: %s %s %s\n\n", appName, command.Name, cmp.Or(command.ArgsUsage, "[OPTIONS]"))
	writeParagraphs(&text, command.Usage)
	if command.Description != "" {
		text.WriteString("\n")
		writeParagraphs(&text, command.Description)
	}
	writeTopics(&text, "Options", optionTopics(command))
	return text.String()
}

// writeParagraphs wraps paragraphs, which are separated by empty lines.
func writeParagraphs(text *strings.Builder, paragraphs string) {
	for i, paragraph := range strings.Split(paragraphs, "\n\n") {
		if i > 0 {
			text.WriteString("\n")
		}
		for _, line := range wrap(strings.ReplaceAll(paragraph, "\n", " "), helpWidth-2) {
			text.WriteString("  " + line + "\n")
		}
	}
}

// optionsOf returns the options of a command. The library adds --help to those of the
// command that runs.
func optionsOf(command *cli.Command) []cli.Flag {
	var options []cli.Flag
	for _, flag := range command.Flags {
		if flag != cli.HelpFlag {
			options = append(options, flag)
		}
	}
	return options
}

// optionTopics describes the options of a command, --help last.
func optionTopics(command *cli.Command) []topic {
	var topics []topic
	for _, flag := range optionsOf(command) {
		topics = append(topics, topic{optionWord(flag), optionMeaning(flag)})
	}
	return append(topics, topic{helpOption, "Show this message and exit."})
}

// optionWord returns the names of an option, short ones first, and the placeholder of
// its value.
func optionWord(flag cli.Flag) string {
	var word string
	for _, name := range flag.Names()[1:] {
		word += "-" + name + ", "
	}
	word += "--" + flag.Names()[0]
	switch flag.(type) {
	case *cli.BoolFlag:
		return word
	case *fileFlag:
		return word + " FILE"
	case *dateFlag:
		return word + " [%Y-%m-%d]"
	case *wholeFlag:
		return word + " INTEGER"
	case *cli.DurationFlag:
		return word + " DURATION"
	}
	return word + " TEXT"
}

func optionMeaning(flag cli.Flag) string {
	switch f := flag.(type) {
	case *cli.StringFlag:
		if f.Value != "" {
			return f.Usage + "  [default: " + f.Value + "]"
		}
		return f.Usage
	case *wholeFlag:
		if f.Value != 0 {
			return fmt.Sprintf("%s  [default: %d]", f.Usage, f.Value)
		}
		return f.Usage
	}
	if documented, ok := flag.(cli.DocGenerationFlag); ok {
		return documented.GetUsage()
	}
	return ""
}

// writeTopics writes topics below a title, their meanings aligned and wrapped.
func writeTopics(text *strings.Builder, title string, topics []topic) {
	width := 0
	for _, t := range topics {
		width = max(width, min(len(t.word), widestOption))
	}
	indent := "\n" + strings.Repeat(" ", width+4)
	fmt.Fprintf(text, "\n%s:\n", title)
	for _, t := range topics {
		meaning := strings.Join(wrap(t.meaning, helpWidth-width-4), indent)
		if len(t.word) > width {
			fmt.Fprintf(text, "  %s%s%s\n", t.word, indent, meaning)
			continue
		}
		fmt.Fprintf(text, "  %-*s  %s\n", width, t.word, meaning)
	}
}

// wrap breaks text into lines between words. It keeps double spaces.
func wrap(text string, width int) []string {
	var lines []string
	for len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= 0 {
			at = strings.IndexByte(text, ' ')
		}
		if at < 0 {
			break
		}
		lines = append(lines, strings.TrimRight(text[:at], " "))
		text = strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}
