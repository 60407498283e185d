// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/stats"
)

// required ends the usage text of a required option.
const required = "  [required]"

// allTypes selects every type of statistics.
const allTypes = "all"

// usageError reports an option or a value that cannot be used.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// dateFlag is an option whose value is a day.
type dateFlag struct{ cli.StringFlag }

func dateOption(name, usage string) cli.Flag {
	return &dateFlag{cli.StringFlag{Name: name, Usage: usage}}
}

// fileFlag is an option whose value is the path of a file.
type fileFlag struct{ cli.StringFlag }

const tokenFile = "token-file"

// tokenFileOption accompanies every option that takes a token: everybody on the machine
// can see the command line.
func tokenFileOption() cli.Flag {
	return &fileFlag{cli.StringFlag{Name: tokenFile, Usage: "File with that token; - is standard input."}}
}

// token returns the value of an option, or the content of --token-file, which may be
// standard input; empty if neither was given.
func (t *task) token(option string) (string, error) {
	path := t.options.String(tokenFile)
	if path == "" {
		return t.options.String(option), nil
	}
	if t.options.IsSet(option) {
		return "", usagef("--%s and --%s exclude each other: give one of them", option, tokenFile)
	}
	from := t.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", usagef("--%s %q cannot be read: %s", tokenFile, path, withoutPath(err))
		}
		defer file.Close()
		from = file
	}
	content, err := io.ReadAll(io.LimitReader(from, maxTokenFile))
	if err != nil {
		return "", usagef("--%s %q cannot be read: %s", tokenFile, path, withoutPath(err))
	}
	token := strings.TrimRight(string(content), "\r\n")
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", usagef("--%s %q does not hold one line with a token", tokenFile, path)
	}
	return token, nil
}

// maxTokenFile bounds the bytes that are read; every token is shorter.
const maxTokenFile = 4096

// withoutPath returns the error of a file without its path.
func withoutPath(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

func jsonOption() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "Print the result as JSON."}
}

func yesOption(usage string) cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: usage}
}

const automaticYes = "Automatically reply yes to the confirmation message."

// wholeFlag is an option whose value is a decimal integer. A plain cli.IntFlag would
// read 036 as octal.
type wholeFlag struct{ cli.IntFlag }

// Apply implements cli.Flag.
func (f *wholeFlag) Apply(set *flag.FlagSet) error {
	value := wholeNumber(f.Value)
	for _, name := range f.Names() {
		set.Var(&value, name, f.Usage)
	}
	return nil
}

// wholeNumber is a flag.Value.
type wholeNumber int

func (n *wholeNumber) String() string { return strconv.Itoa(int(*n)) }

func (n *wholeNumber) Set(text string) error {
	value, err := strconv.Atoi(text)
	*n = wholeNumber(value)
	return err
}

func monthsOption(usage string, months int) cli.Flag {
	return &wholeFlag{cli.IntFlag{Name: "nb-month", Usage: usage, Value: months}}
}

// typeOption returns the option that selects one type of statistics.
func typeOption(usage string) cli.Flag {
	return &cli.StringFlag{Name: "type", Usage: usage + " (" + typeNames() + ").  [default: every type]"}
}

func typeNames() string {
	var names []string
	for _, t := range stats.Types() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// uuid returns the value of an option, uuid.Nil if it was not given.
func (t *task) uuid(option string) (uuid.UUID, error) {
	given := t.options.String(option)
	if given == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(given)
	if err != nil || id == uuid.Nil {
		return uuid.Nil, usagef("--%s %q is not a UUID such as fb9b4d21-4082-445c-a6e6-5d42a1cd9202", option, given)
	}
	return id, nil
}

// date returns the value of an option, the zero time if it was not given.
func (t *task) date(option string) (time.Time, error) {
	given := t.options.String(option)
	if given == "" {
		return time.Time{}, nil
	}
	day, err := stats.ParseDate(given)
	if err != nil {
		return time.Time{}, usagef("--%s %q is not a day such as 2026-03-31", option, given)
	}
	return day, nil
}

// dates returns the values of --date-from and --date-to, which must be in order.
func (t *task) dates() (from, to time.Time, err error) {
	if from, err = t.date("date-from"); err != nil {
		return from, to, err
	}
	if to, err = t.date("date-to"); err != nil {
		return from, to, err
	}
	end := to
	if end.IsZero() {
		end = t.today()
	}
	if from.After(end) {
		return from, to, usagef("--date-from %s is after --date-to %s", from.Format(time.DateOnly), end.Format(time.DateOnly))
	}
	return from, to, nil
}

func (t *task) today() time.Time { return stats.Today(t.Now(), t.settings.Location()) }

// statsType returns the value of --type, empty for every type.
func (t *task) statsType() (stats.Type, error) {
	given := t.options.String("type")
	if given == "" || given == allTypes {
		return "", nil
	}
	return parseType("type", given)
}

// statsTypes returns the values of a repeatable option, nil for every type.
func (t *task) statsTypes(option string) ([]stats.Type, error) {
	var types []stats.Type
	for _, given := range t.options.StringSlice(option) {
		if given == allTypes {
			return nil, nil
		}
		parsed, err := parseType(option, given)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(types, parsed) {
			types = append(types, parsed)
		}
	}
	return types, nil
}

func parseType(option, given string) (stats.Type, error) {
	parsed := stats.Type(given)
	if !slices.Contains(stats.Types(), parsed) {
		return "", usagef("--%s %q is not a type of statistics: use %s or %s", option, given, typeNames(), allTypes)
	}
	return parsed, nil
}

// maxMonths keeps dates within the calendar.
const maxMonths = 1200

// monthsAgo returns the day as many months ago as the option says; zero if it was not
// given.
func (t *task) monthsAgo(option string) (time.Time, error) {
	if !t.options.IsSet(option) && t.options.Int(option) == 0 {
		return time.Time{}, nil
	}
	months := t.options.Int(option)
	if months < 1 || months > maxMonths {
		return time.Time{}, usagef("--%s %d is not a number of months from 1 to %d", option, months, maxMonths)
	}
	return stats.MonthsBefore(t.today(), months), nil
}
