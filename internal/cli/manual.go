package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) manual() *cli.Command {
	return &cli.Command{
		Name:        "manual",
		Category:    categoryService,
		Usage:       "Print the manual page.",
		Description: "To read it: stats-service manual | man -l -",
		Action:      p.text(func(c *cli.Context) (string, error) { return manualPage(c.App), nil }),
	}
}

// exitCodes are the meanings of the exit codes of every command.
func exitCodes() []topic {
	return []topic{
		{fmt.Sprint(exitDone), "all is done"},
		{fmt.Sprint(exitFailed), "it failed"},
		{fmt.Sprint(exitUsage), "the command line or the settings cannot be used"},
		{fmt.Sprint(exitPartly), "a part is done and the rest is not: it was interrupted, it failed on the way, or some stats were refused"},
	}
}

// manualPage is the manual page of section 1 in roff. It names no version and no
// date, so that it changes with the commands only.
func manualPage(app *cli.App) string {
	var page strings.Builder
	page.WriteString(".\\\" Generated from the commands.\n.TH STATS-SERVICE 1 \"\" \"MONARC Stats Service\" \"User Commands\"\n")
	fmt.Fprintf(&page, ".SH NAME\n%s \\- %s\n", roff(app.Name), roff(app.Usage))
	fmt.Fprintf(&page, ".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIOPTIONS\\fR]\n", roff(app.Name))
	for _, category := range categories() {
		fmt.Fprintf(&page, ".SH %s\n", roff(strings.ToUpper(category)))
		for _, command := range app.Commands {
			if command.Category == category {
				writeManual(&page, command)
			}
		}
	}
	page.WriteString(".SH EXIT STATUS\n")
	writeTags(&page, exitCodes())
	fmt.Fprintf(&page, ".SH ENVIRONMENT\n%s", roff(settingsNote))
	return page.String()
}

func writeManual(page *strings.Builder, command *cli.Command) {
	fmt.Fprintf(page, ".SS %s\n%s\n", roff(command.Name), roff(command.Usage))
	if command.Description != "" {
		text := strings.ReplaceAll(roff(command.Description), "\n\n", "\n.PP\n")
		fmt.Fprintf(page, ".PP\n%s\n", text)
	}
	if topics := optionTopics(command); len(topics) > 1 {
		writeTags(page, topics[:len(topics)-1]) // --help is everywhere
	}
}

func writeTags(page *strings.Builder, topics []topic) {
	for _, t := range topics {
		fmt.Fprintf(page, ".TP\n\\fB%s\\fR\n%s\n", roff(t.word), roff(t.meaning))
	}
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "\n.", "\n\\&.")

// roff escapes what has a meaning in a manual page.
func roff(text string) string { return roffEscapes.Replace(text) }
