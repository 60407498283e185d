// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
)

// The sections of the manual pages.
const (
	commandsSection = 1
	settingsSection = 5
)

func (p *program) manual() *cli.Command {
	return &cli.Command{
		Name:        "manual",
		Category:    categoryService,
		Usage:       "Print a manual page.",
		Description: "To read it: stats-service manual | man -l -",
		Flags: []cli.Flag{
			&wholeFlag{cli.IntFlag{Name: "section", Usage: "Section of the manual: 1 has the commands, 5 the settings.", Value: commandsSection}},
		},
		Action: p.text(func(c *cli.Context) (string, error) {
			switch section := c.Int("section"); section {
			case commandsSection:
				return manualPage(c.App), nil
			case settingsSection:
				return settingsPage(), nil
			default:
				return "", usagef("--section %d has no page: use %d or %d", section, commandsSection, settingsSection)
			}
		}),
	}
}

// exitCodes explains the exit codes.
func exitCodes() []topic {
	return []topic{
		{fmt.Sprint(exitDone), "success"},
		{fmt.Sprint(exitFailed), "failure"},
		{fmt.Sprint(exitUsage), "the command line or the settings cannot be used"},
		{fmt.Sprint(exitPartly), "only a part was done: the command was interrupted or failed on the way, or some stats were refused"},
	}
}

// manualPage returns the manual page of section 1 in roff. It has no version and no date,
// so that it only changes with the commands.
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
	page.WriteString(".SH FILES\n")
	writeTags(&page, installedFiles())
	page.WriteString(".SH EXAMPLES\n")
	writeTags(&page, examples())
	page.WriteString(".SH SEE ALSO\n.BR stats\\-service.toml (5)\n")
	return page.String()
}

// installedFiles lists the files of an installed service.
func installedFiles() []topic {
	return []topic{
		{config.DefaultFile, "the settings, where STATS_CONFIG names no other file"},
		{"/var/lib/stats-service", "DATA_DIR of the packages: the private database and the generated secret key"},
		{"/var/lib/stats-service/secret.key", "seals the API keys in the database, unless SECRET_KEY is set: keep a copy"},
		{"/var/lib/stats-service/postgres.log", "log of the private database"},
		{"/var/log/stats-service", "for LOG_PATH; rotated by logrotate"},
	}
}

// examples are the most frequent commands.
func examples() []topic {
	return []topic{
		{"stats-service demo", "Try the service with sample data."},
		{"stats-service config_check", "Show the settings in effect, and check that they work."},
		{"stats-service client_create --name NC3", "Register a front office; the token that is printed is its API key."},
		{"stats-service stats_push --dry-run", "Count what would be sent to the instance of REMOTE_STATS_SERVER."},
		{"stats-service stats_purge --nb-month 36", "Delete stats older than three years."},
		{"stats-service db_status --json", "Show the contents of the database as JSON."},
	}
}

// settingsPage returns the manual page of section 5 in roff.
func settingsPage() string {
	var page strings.Builder
	page.WriteString(".\\\" Generated from the settings.\n.TH STATS-SERVICE.TOML 5 \"\" \"MONARC Stats Service\" \"File Formats\"\n")
	page.WriteString(".SH NAME\nstats\\-service.toml \\- settings of the MONARC Stats Service\n")
	fmt.Fprintf(&page, ".SH DESCRIPTION\n%s", roff(settingsNote))
	page.WriteString(".PP\n" + roff("Names are the same in both, in any case in the file. The environment wins over the file. An empty value\n"+
		"is the same as none. Where a setting is a secret, NAME_FILE names a file that holds it.\n"))
	for _, group := range config.Reference() {
		fmt.Fprintf(&page, ".SH %s\n", roff(strings.ToUpper(group.Title)))
		for _, d := range group.Settings {
			meaning := strings.ReplaceAll(d.Meaning, "`", "")
			if d.Secret {
				meaning += " A secret."
			}
			if d.Default != "" {
				meaning += " The default is " + d.Default + "."
			}
			writeTags(&page, []topic{{d.Name, meaning}})
		}
	}
	page.WriteString(".SH EXAMPLES\n.nf\nport = 5005\ndatabase_url_file = \"/etc/stats\\-service/database\\-url\"\nlog_format = \"json\"\n.fi\n")
	page.WriteString(".SH SEE ALSO\n.BR stats\\-service (1)\n")
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

// roff escapes a text for a manual page.
func roff(text string) string { return roffEscapes.Replace(text) }
