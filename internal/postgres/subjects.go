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
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// dictionarySize bounds how many subjects are remembered, at roughly 500
	// bytes each.
	dictionarySize = 100_000
	// subjectChunk bounds the subjects in one statement.
	subjectChunk = 5_000
)

// variant is what a row of table subject stands for: something measured, under
// the labels it had then.
type variant struct {
	Type   stats.Type
	Key    stats.Key
	Labels stats.Labels
}

// digest identifies the variant in the database.
func (v variant) digest() ([sha256.Size]byte, error) {
	encoded, err := json.Marshal([]any{v.Type, v.Key, v.Labels})
	return sha256.Sum256(encoded), err
}

// dictionary remembers subjects, which never change once they are stored, in
// both directions. It is safe for concurrent use.
type dictionary struct {
	mu       sync.Mutex
	ids      recent[variant, int64]
	variants recent[int64, variant]
}

func newDictionary(size int) *dictionary {
	return &dictionary{ids: newRecent[variant, int64](size), variants: newRecent[int64, variant](size)}
}

// forget empties the dictionary.
func (d *dictionary) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids = newRecent[variant, int64](2 * d.ids.half)
	d.variants = newRecent[int64, variant](2 * d.variants.half)
}

// recent is a map of bounded size: it keeps at least the last half and at most
// all of its size of the entries that were put or got.
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

// known moves what is remembered of wanted into found and returns the rest.
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

// subjectIDs returns the ids of what the observations of items are about, in
// their order, adding those that are new to the database. It runs outside of any
// transaction: a subject that nothing refers to does no harm, and a long batch
// does not make others wait for its new subjects.
func (s *Store) subjectIDs(ctx context.Context, items []Item) ([]int64, error) {
	ids, missing := s.subjects.idsOf(items)
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(missing)), subjectChunk) {
		found, err := s.ensureSubjects(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("store what is measured: %w", err)
		}
		remember(&s.subjects.mu, &s.subjects.ids, found)
		for v, id := range found {
			for _, place := range missing[v] {
				ids[place] = id
			}
		}
	}
	return ids, nil
}

// idsOf returns the ids that are remembered of what the observations of items
// are about, in their order, and the places of the others. It looks each up at
// once: variants are slow to hash, which putting them into a set would do again.
func (d *dictionary) idsOf(items []Item) (ids []int64, missing map[variant][]int) {
	n := 0
	for i := range items {
		n += len(items[i].Observations)
	}
	ids, missing = make([]int64, 0, n), map[variant][]int{}
	for i := range items {
		ids = d.appendIDs(ids, &items[i], missing)
	}
	return ids, missing
}

func (d *dictionary) appendIDs(ids []int64, item *Item, missing map[variant][]int) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range item.Observations {
		o := &item.Observations[i]
		v := variant{Type: item.Stat.Type, Key: o.Key, Labels: o.Labels}
		id, ok := d.ids.get(v)
		if !ok {
			missing[v] = append(missing[v], len(ids))
		}
		ids = append(ids, id)
	}
	return ids
}

// ensureSubjects looks first, because most subjects exist and an insert that
// conflicts uses up an id.
func (s *Store) ensureSubjects(ctx context.Context, variants []variant) (map[variant]int64, error) {
	wanted := make(map[[sha256.Size]byte]variant, len(variants))
	for _, v := range variants {
		digest, err := v.digest()
		if err != nil {
			return nil, err
		}
		wanted[digest] = v
	}
	found := make(map[variant]int64, len(variants))
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

// findSubjects moves the stored ones of wanted to found.
func (s *Store) findSubjects(ctx context.Context, wanted map[[sha256.Size]byte]variant, found map[variant]int64) error {
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

// insertSubjects inserts in the order of the digests, so that two processes
// with the same new subjects wait for each other instead of deadlocking.
func (s *Store) insertSubjects(ctx context.Context, wanted map[[sha256.Size]byte]variant) error {
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

func sortedDigests(wanted map[[sha256.Size]byte]variant) [][]byte {
	digests := make([][]byte, 0, len(wanted))
	for digest := range wanted {
		digests = append(digests, bytes.Clone(digest[:]))
	}
	slices.SortFunc(digests, bytes.Compare)
	return digests
}

// subjectsByID returns the subjects that exist among ids.
func (s *Store) subjectsByID(ctx context.Context, source db.DBTX, ids []int64) (map[int64]variant, error) {
	variants := make(map[int64]variant, len(ids))
	missing := known(&s.subjects.mu, &s.subjects.variants, ids, variants)
	for chunk := range slices.Chunk(missing, subjectChunk) {
		rows, err := db.New(source).SubjectsByID(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("read what was measured: %w", translate(ctx, err))
		}
		found := make(map[int64]variant, len(rows))
		for _, row := range rows {
			v := variant{
				Type:   stats.Type(row.Type),
				Labels: stats.Labels{row.Label1, row.Label2, row.Label3, row.Label4},
			}
			if err := json.Unmarshal(row.Key, &v.Key); err != nil {
				return nil, fmt.Errorf("read subject %d: %w", row.ID, err)
			}
			found[row.ID] = v
			variants[row.ID] = v
		}
		remember(&s.subjects.mu, &s.subjects.variants, found)
	}
	return variants, nil
}
