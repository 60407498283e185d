// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// isPython reports whether a settings file is one of the Python service.
func isPython(path string) bool { return strings.EqualFold(filepath.Ext(path), ".py") }

var (
	// pythonText matches text over several lines, in which nothing is assigned.
	pythonText = regexp.MustCompile(`(?s)"""(?:[^\\]|\\.)*?"""|'''(?:[^\\]|\\.)*?'''`)
	// pythonContinued matches the end of a line that goes on with the next one.
	pythonContinued = regexp.MustCompile(`\\\r?\n`)
	// pythonAssignment matches a setting: only names in upper case are one.
	pythonAssignment = regexp.MustCompile(`(?m)^[ \t]*([A-Z][A-Z0-9_]*)[ \t]*(?::[^=\n]*)?=(?:[^=\n]|$)`)
)

// pythonNames lists the names that a Python file assigns, as far as they can be
// seen without running it. It never returns a part of a value.
func pythonNames(content []byte) []string {
	text := pythonText.ReplaceAllString(string(content), `""`)
	text = pythonContinued.ReplaceAllString(text, " ")
	var names []string
	for _, match := range pythonAssignment.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names
}

// pythonWarning says what becomes of a Python file that STATS_CONFIG names: it is
// not read, and its settings have to move.
func (l *loader) pythonWarning(path string) string {
	warning := fmt.Sprintf("%s names the Python file %q, which is not read: set its settings in the environment, or in %s",
		fileVariable, path, DefaultFile)
	content, err := l.readFile(path)
	if err != nil {
		return fmt.Sprintf("%s (they cannot be listed: %v)", warning, reason(err))
	}
	var known, unknown []string
	for _, name := range pythonNames(content) {
		if isSetting(name) {
			known = append(known, name)
		} else {
			unknown = append(unknown, name)
		}
	}
	if len(known) > 0 {
		warning += "; settings of this name are " + strings.Join(known, ", ")
	}
	if len(unknown) > 0 {
		warning += "; not known by this name are " + strings.Join(unknown, ", ")
	}
	return warning
}
