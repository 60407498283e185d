// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/suggest"
)

// Messages of the option parser, which shows options with only one dash.
var (
	unknownOption = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	missingValue  = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	invalidValue  = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-+([^:]*): `)
)

// optionProblem rewords a message of the option parser in the style of the program. It
// returns an unknown message unchanged.
func optionProblem(c *cli.Context, said string) string {
	if found := unknownOption.FindStringSubmatch(said); found != nil {
		said := "there is no option " + dashed(found[1])
		if near := closestOption(c, found[1]); near != "" {
			said += "; did you mean " + near + "?"
		}
		return said
	}
	if found := missingValue.FindStringSubmatch(said); found != nil {
		return "the option " + dashed(found[1]) + " needs a value"
	}
	if found := invalidValue.FindStringSubmatch(said); found != nil {
		return fmt.Sprintf("%s %s %s", dashed(found[2]), found[1], valueProblem(c, found[2]))
	}
	return said
}

// closestOption returns the option that was probably meant, or nothing.
func closestOption(c *cli.Context, name string) string {
	if c.Command == nil || len(name) == 1 {
		return ""
	}
	var names []string
	for _, option := range optionNames(c.Command) {
		names = append(names, strings.TrimLeft(option, "-"))
	}
	if near := suggest.Closest(strings.ReplaceAll(name, "_", "-"), names); near != "" {
		return dashed(near)
	}
	return ""
}

func dashed(option string) string {
	if len(option) == 1 {
		return "-" + option
	}
	return "--" + option
}

// valueProblem says what a value that cannot be parsed should have been.
func valueProblem(c *cli.Context, option string) string {
	if c.Command == nil {
		return "cannot be used"
	}
	for _, flag := range c.Command.Flags {
		if flag.Names()[0] != option {
			continue
		}
		switch flag.(type) {
		case *cli.DurationFlag:
			return "is not a duration such as 90m or 24h"
		case *wholeFlag:
			return "is not a whole number"
		}
	}
	return "cannot be used: give the option without a value"
}
