// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// isPython reports whether a settings file belongs to the Python service.
func isPython(path string) bool { return strings.EqualFold(filepath.Ext(path), ".py") }

var (
	// pythonText matches a multi-line string, which contains no assignments.
	pythonText = regexp.MustCompile(`(?s)"""(?:[^\\]|\\.)*?"""|'''(?:[^\\]|\\.)*?'''`)
	// pythonContinued matches the end of a line that the next one continues.
	pythonContinued = regexp.MustCompile(`\\\r?\n`)
	// pythonAssignment matches a setting: only upper-case names are settings.
	pythonAssignment = regexp.MustCompile(`(?m)^[ \t]*([A-Z][A-Z0-9_]*)[ \t]*(?::[^=\n]*)?=(?:[^=\n]|$)`)
)

// pythonNames lists the names that a Python file assigns, as far as they can be found
// without running it. It never returns any part of a value.
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

// pythonWarning returns the warning about a Python file in STATS_CONFIG: the file is
// ignored, and its settings must be moved.
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
