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

// revisionLength is the number of hexadecimal digits that tell a commit apart.
const revisionLength = 7

// Revision returns the abbreviated commit the program was built from, or ""
// when the build did not record one.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= revisionLength {
			return setting.Value[:revisionLength]
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
