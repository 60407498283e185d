// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// dictionarySize bounds the cached subjects, at roughly 500 bytes each.
	dictionarySize = 100_000
	// subjectChunk bounds the subjects in one statement.
	subjectChunk = 5_000
)

// subjectDigest identifies a subject in the database.
func subjectDigest(v rollup.Subject) ([sha256.Size]byte, error) {
	encoded, err := json.Marshal([]any{v.Type, v.Key, v.Labels})
	return sha256.Sum256(encoded), err
}

// dictionary caches subjects, which never change, in both directions. It is safe for
// concurrent use.
type dictionary struct {
	mu       sync.Mutex
	ids      recent[rollup.Subject, int64]
	subjects recent[int64, rollup.Subject]
}

func newDictionary(size int) *dictionary {
	return &dictionary{ids: newRecent[rollup.Subject, int64](size), subjects: newRecent[int64, rollup.Subject](size)}
}

// forget empties the dictionary.
func (d *dictionary) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids = newRecent[rollup.Subject, int64](2 * d.ids.half)
	d.subjects = newRecent[int64, rollup.Subject](2 * d.subjects.half)
}

// recent is a map of bounded size. It keeps the entries that were used last: between half
// of its size and all of it.
type recent[K comparable, V any] struct {
	young, old map[K]V
	half       int
}

func newRecent[K comparable, V any](size int) recent[K, V] {
	return recent[K, V]{young: map[K]V{}, half: max(size/2, 1)}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	if value, ok := r.young[key]; ok {
		return value, true
	}
	value, ok := r.old[key]
	if ok {
		r.put(key, value)
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	if len(r.young) >= r.half {
		r.young, r.old = make(map[K]V, r.half), r.young
	}
	r.young[key] = value
}

// known moves the cached subjects of wanted into found and returns the rest.
func known[K comparable, V any](mu *sync.Mutex, cache *recent[K, V], wanted []K, found map[K]V) (missing []K) {
	mu.Lock()
	defer mu.Unlock()
	for _, key := range wanted {
		if value, ok := cache.get(key); ok {
			found[key] = value
		} else {
			missing = append(missing, key)
		}
	}
	return missing
}

func remember[K comparable, V any](mu *sync.Mutex, cache *recent[K, V], found map[K]V) {
	mu.Lock()
	defer mu.Unlock()
	for key, value := range found {
		cache.put(key, value)
	}
}

// observedAtOnce bounds the documents whose observations are in memory at a time, if the
// batch does not hold them: they take several times the memory of data.
const observedAtOnce = 64

// packContents packs the observations of contents in chunks. Its error is a
// *stats.InvalidError if a known document does not validate.
func (s *shared) packContents(ctx context.Context, contents []*content) error {
	for some := range slices.Chunk(contents, observedAtOnce) {
		observed := make([][]stats.Observation, len(some))
		for i, c := range some {
			var err error
			if observed[i], err = c.item.Observe(); err != nil {
				return err
			}
		}
		if err := s.pack(ctx, some, observed); err != nil {
			return err
		}
	}
	return nil
}

// pack packs observations of contents, and first stores the subjects that the database
// lacks. It does so outside of any transaction, so that a long batch does not make others
// wait for its new subjects. A subject that nothing refers to does no harm.
func (s *shared) pack(ctx context.Context, contents []*content, observed [][]stats.Observation) error {
	ids, missing := s.subjects.idsOf(contents, observed)
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(missing)), subjectChunk) {
		found, err := s.ensureSubjects(ctx, chunk)
		if err != nil {
			return fmt.Errorf("store the measured subjects: %w", err)
		}
		remember(&s.subjects.mu, &s.subjects.ids, found)
		for v, id := range found {
			for _, place := range missing[v] {
				ids[place] = id
			}
		}
	}
	for i, c := range contents {
		n := len(observed[i])
		packed, err := rollup.Pack(c.item.Type, observed[i], ids[:n])
		if err != nil {
			return fmt.Errorf("%s document of analysis %s: %w", c.item.Type, c.key.ANR, err)
		}
		c.packed, ids = packed, ids[n:]
	}
	return nil
}

// idsOf returns the cached ids of the observed subjects, in order, and the places of the
// others. It does not collect subjects in a set first: hashing them twice would be slow.
func (d *dictionary) idsOf(contents []*content, observed [][]stats.Observation) (ids []int64, missing map[rollup.Subject][]int) {
	n := 0
	for i := range observed {
		n += len(observed[i])
	}
	ids, missing = make([]int64, 0, n), map[rollup.Subject][]int{}
	for i, c := range contents {
		ids = d.appendIDs(ids, c.item.Type, observed[i], missing)
	}
	return ids, missing
}

func (d *dictionary) appendIDs(ids []int64, t stats.Type, observed []stats.Observation, missing map[rollup.Subject][]int) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range observed {
		o := &observed[i]
		v := rollup.Subject{Type: t, Key: o.Key, Labels: o.Labels}
		id, ok := d.ids.get(v)
		if !ok {
			missing[v] = append(missing[v], len(ids))
		}
		ids = append(ids, id)
	}
	return ids
}

// ensureSubjects stores missing subjects. It looks them up first: most exist, and an
// insert that conflicts uses up an id.
func (s *shared) ensureSubjects(ctx context.Context, subjects []rollup.Subject) (map[rollup.Subject]int64, error) {
	wanted := make(map[[sha256.Size]byte]rollup.Subject, len(subjects))
	for _, v := range subjects {
		digest, err := subjectDigest(v)
		if err != nil {
			return nil, err
		}
		wanted[digest] = v
	}
	found := make(map[rollup.Subject]int64, len(subjects))
	if err := s.findSubjects(ctx, wanted, found); err != nil || len(wanted) == 0 {
		return found, translate(ctx, err)
	}
	if err := s.insertSubjects(ctx, wanted); err != nil {
		return nil, translate(ctx, err)
	}
	if err := s.findSubjects(ctx, wanted, found); err != nil {
		return nil, translate(ctx, err)
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("%d subjects vanished while they were inserted", len(wanted))
	}
	return found, nil
}

// findSubjects moves the stored subjects of wanted to found.
func (s *shared) findSubjects(ctx context.Context, wanted map[[sha256.Size]byte]rollup.Subject, found map[rollup.Subject]int64) error {
	rows, err := s.queries.SubjectIDs(ctx, sortedDigests(wanted))
	if err != nil {
		return err
	}
	for _, row := range rows {
		digest := [sha256.Size]byte(row.Digest)
		found[wanted[digest]] = row.ID
		delete(wanted, digest)
	}
	return nil
}

// insertSubjects inserts subjects in the order of their digests, so that two processes
// with the same new subjects wait for each other instead of deadlocking.
func (s *shared) insertSubjects(ctx context.Context, wanted map[[sha256.Size]byte]rollup.Subject) error {
	params := db.InsertSubjectsParams{Digests: sortedDigests(wanted)}
	for _, digest := range params.Digests {
		v := wanted[[sha256.Size]byte(digest)]
		key, err := json.Marshal(v.Key)
		if err != nil {
			return err
		}
		params.Types = append(params.Types, string(v.Type))
		params.Keys = append(params.Keys, key)
		params.Label1s = append(params.Label1s, v.Labels[0])
		params.Label2s = append(params.Label2s, v.Labels[1])
		params.Label3s = append(params.Label3s, v.Labels[2])
		params.Label4s = append(params.Label4s, v.Labels[3])
	}
	return s.queries.InsertSubjects(ctx, params)
}

func sortedDigests(wanted map[[sha256.Size]byte]rollup.Subject) [][]byte {
	digests := make([][]byte, 0, len(wanted))
	for digest := range wanted {
		digests = append(digests, bytes.Clone(digest[:]))
	}
	slices.SortFunc(digests, bytes.Compare)
	return digests
}

// subjectsByID returns the subjects that exist among ids.
func (s *shared) subjectsByID(ctx context.Context, source db.DBTX, ids []int64) (map[int64]rollup.Subject, error) {
	subjects := make(map[int64]rollup.Subject, len(ids))
	missing := known(&s.subjects.mu, &s.subjects.subjects, ids, subjects)
	for chunk := range slices.Chunk(missing, subjectChunk) {
		rows, err := db.New(source).SubjectsByID(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("read the measured subjects: %w", translate(ctx, err))
		}
		found := make(map[int64]rollup.Subject, len(rows))
		for _, row := range rows {
			v := rollup.Subject{
				Type:   stats.Type(row.Type),
				Labels: stats.Labels{row.Label1, row.Label2, row.Label3, row.Label4},
			}
			if err := json.Unmarshal(row.Key, &v.Key); err != nil {
				return nil, fmt.Errorf("read subject %d: %w", row.ID, err)
			}
			found[row.ID] = v
			subjects[row.ID] = v
		}
		remember(&s.subjects.mu, &s.subjects.subjects, found)
	}
	return subjects, nil
}
