// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	fetchTimeout = 5 * time.Minute // 25 MB
	lockPause    = 50 * time.Millisecond
)

// rootCache is the cache of root: PostgreSQL runs as another user, who may not enter
// root's own folders.
const rootCache = "/var/cache/stats-service"

// caches lists the folders for fetched binaries: the user's cache folder, and as a
// fallback the service's own.
func (o Options) caches() []string {
	if o.cacheDirs != nil {
		return o.cacheDirs
	}
	var dirs []string
	if os.Geteuid() == 0 {
		dirs = append(dirs, rootCache)
	} else if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(dir, "stats-service"))
	}
	if own, err := filepath.Abs(o.Dir); err == nil {
		dirs = append(dirs, own)
	}
	return dirs
}

// fetched lists the binaries fetched earlier, newest first.
func (o Options) fetched() []string {
	var dirs []string
	for _, cache := range o.caches() {
		dirs = append(dirs, newestFirst(filepath.Join(cache, "postgres-*", "bin"))...)
	}
	return dirs
}

// fetch fetches the binaries of a major version (0: for a new cluster). It returns
// them, or the errors of all sources.
func fetch(ctx context.Context, o Options, acct account, major int) (bin binaries, ok bool, failed []error) {
	r, err := o.fetchable(major)
	if err != nil {
		return binaries{}, false, []error{err}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	for _, cache := range o.caches() {
		missing := firstMissing(cache)
		lock, err := lockCache(ctx, o, cache)
		if err != nil {
			failed = append(failed, fmt.Errorf("fetch into %s: %w", cache, err))
			continue
		}
		bin, ok, failed := fetchInto(ctx, o, acct, r, cache)
		if !ok {
			removeEmpty(cache, missing)
		}
		_ = lock.Unlock()
		return bin, ok, failed
	}
	return binaries{}, false, failed
}

// fetchInto locks the cache and fetches a release into it, unless another process has
// done so meanwhile. A failure leaves nothing behind.
func fetchInto(ctx context.Context, o Options, acct account, r release, cache string) (bin binaries, ok bool, failed []error) {
	target := filepath.Join(cache, r.folder())
	if bin, err := probe(ctx, acct, filepath.Join(target, "bin")); err == nil {
		return bin, true, nil
	}
	for _, from := range o.sources() {
		bin, err := fetchFrom(ctx, o, acct, r, from, target)
		if err == nil {
			return bin, true, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", from.name, err))
	}
	return binaries{}, false, failed
}

// fetchFrom fetches a release from one source, checks that it runs on this machine, and
// moves it to target.
func fetchFrom(ctx context.Context, o Options, acct account, r release, from source, target string) (binaries, error) {
	work, err := workFolder(filepath.Dir(target))
	if err != nil {
		return binaries{}, err
	}
	defer os.RemoveAll(work)
	o.logger().Info("fetching PostgreSQL, since none that can be used is installed",
		"version", r.version(), "from", from.name, "to", target)
	show, end := o.progress(fmt.Sprintf("Fetching PostgreSQL %s (KB)", r.version()))
	err = from.fetch(ctx, r, work, func(bytes int64) { show(min(bytes, r.size)>>10, r.size>>10) })
	end()
	if err != nil {
		return binaries{}, err
	}
	if _, err := probe(ctx, acct, filepath.Join(unpackedIn(work), "bin")); err != nil {
		return binaries{}, err
	}
	if err := os.RemoveAll(target); err != nil { // it was unusable
		return binaries{}, err
	}
	if err := os.Rename(unpackedIn(work), target); err != nil {
		return binaries{}, err
	}
	return probe(ctx, acct, filepath.Join(target, "bin"))
}

// lockCache creates the folder and locks it. The lock is on the folder itself, so that
// no file is needed. The previous holder of the lock may have removed the folder.
func lockCache(ctx context.Context, o Options, dir string) (*flock.Flock, error) {
	notice := time.AfterFunc(time.Second, func() {
		o.logger().Info("waiting for another process that fetches PostgreSQL", "dir", dir)
	})
	defer notice.Stop()
	for {
		if err := makeFolder(dir); err != nil {
			return nil, err
		}
		lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
		_, err := lock.TryLockContext(ctx, lockPause)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("lock the folder: %w", err)
		}
		locked, err := lock.Stat()
		if there, statErr := os.Stat(dir); err == nil && statErr == nil && os.SameFile(locked, there) {
			return lock, nil
		}
		_ = lock.Unlock()
	}
}

// workFolder creates an empty folder for one attempt, after removing those of killed
// processes. The caller must hold the lock.
func workFolder(cache string) (string, error) {
	const pattern = "fetch-*"
	left, err := filepath.Glob(filepath.Join(cache, pattern))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	work, err := os.MkdirTemp(cache, pattern)
	if err != nil {
		return "", err
	}
	// The server's account must be able to run the unpacked files.
	return work, errors.Join(os.Chmod(work, 0o711), os.Mkdir(unpackedIn(work), 0o755), os.Chmod(unpackedIn(work), 0o755))
}

// firstMissing returns the topmost folder on the path to dir that does not exist, "" if
// dir exists.
func firstMissing(dir string) string {
	if _, err := os.Stat(dir); err == nil {
		return ""
	}
	if above := firstMissing(filepath.Dir(dir)); above != "" {
		return above
	}
	return dir
}

// removeEmpty removes dir and the folders above it up to top, as long as they are
// empty.
func removeEmpty(dir, top string) {
	if top == "" {
		return
	}
	for os.Remove(dir) == nil && dir != top {
		dir = filepath.Dir(dir)
	}
}
