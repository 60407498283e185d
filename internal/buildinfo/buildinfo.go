// SPDX-License-Identifier: AGPL-3.0-or-later

// Package buildinfo knows which version of the service this is.
package buildinfo

import (
	"runtime/debug"
)

// Version is the release, and the repository is where its source is.
const (
	Version    = "v1.0.0"
	repository = "https://github.com/monarc-project/stats-service"
)

// What releases are stamped with by the linker (-X), so that they are the same
// wherever they are built. Other builds are asked what the go command recorded.
var (
	commit string // full
	date   string // of the commit, RFC 3339
)

// revisionLength is the number of hexadecimal digits that tell a commit apart.
const revisionLength = 7

// Revision returns the abbreviated commit the program was built from, or ""
// when the build did not record one.
func Revision() string {
	revision := stamped(commit, "vcs.revision")
	return revision[:min(revisionLength, len(revision))]
}

// Date returns when that commit was made, or "".
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

// URL returns where the history of this version can be read.
func URL() string {
	if revision := Revision(); revision != "" {
		return repository + "/commits/" + revision
	}
	return repository + "/commits/" + Version
}
