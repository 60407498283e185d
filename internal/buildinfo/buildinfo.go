// SPDX-License-Identifier: AGPL-3.0-or-later

// Package buildinfo has the version of this program.
package buildinfo

import (
	"runtime/debug"
)

// Version is the release; repository is the address of its source.
const (
	Version    = "v1.0.0"
	repository = "https://github.com/monarc-project/stats-service"
)

// The linker sets these variables in releases (-X), so that builds are reproducible. In
// other builds, the go command records the same information.
var (
	commit string // full
	date   string // of the commit, RFC 3339
)

// revisionLength is the number of hexadecimal digits of an abbreviated commit.
const revisionLength = 7

// Revision returns the abbreviated commit that the program was built from, or "" if the
// build did not record one.
func Revision() string {
	revision := stamped(commit, "vcs.revision")
	return revision[:min(revisionLength, len(revision))]
}

// Date returns the time of that commit (RFC 3339), or "".
func Date() string { return stamped(date, "vcs.time") }

func stamped(value, key string) string {
	if value != "" {
		return value
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == key {
			return setting.Value
		}
	}
	return ""
}

// String returns the version with its revision, such as "v1.0.0 - 05abfe1".
func String() string {
	if revision := Revision(); revision != "" {
		return Version + " - " + revision
	}
	return Version
}

// URL returns the address of the history of this version.
func URL() string {
	if revision := Revision(); revision != "" {
		return repository + "/commits/" + revision
	}
	return repository + "/commits/" + Version
}
