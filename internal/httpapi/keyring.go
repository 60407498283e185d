package httpapi

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// maxKeys is how many clients are remembered.
	maxKeys = 10_000
	// keyAge bounds how long a key counts for which nothing announces that it
	// does not any more: the grace of a replaced token ends by itself.
	keyAge = 5 * time.Second
)

// digest stands for a token, which is not kept in memory.
type digest [sha256.Size]byte

// keyring remembers the clients of keys, between resume and suspend. It knows
// nothing of wrong keys, of which there is no end.
type keyring struct {
	now  func() time.Time
	find func(ctx context.Context, token string) (stats.Client, error)

	mu      sync.Mutex
	known   *simplelru.LRU[digest, knownClient]
	keeping bool
	version uint64 // counts changes of clients
}

type knownClient struct {
	client stats.Client
	since  time.Time
}

func newKeyring(now func() time.Time, find func(ctx context.Context, token string) (stats.Client, error)) *keyring {
	known, err := simplelru.NewLRU[digest, knownClient](maxKeys, nil)
	if err != nil {
		panic(fmt.Sprintf("cache of %d keys: %v", maxKeys, err)) // a constant
	}
	return &keyring{now: now, find: find, known: known}
}

// client returns the client of a token, whose Token it is, or the error of find.
func (k *keyring) client(ctx context.Context, token string) (stats.Client, error) {
	sum := digest(sha256.Sum256([]byte(token)))
	client, version, ok := k.lookUp(sum)
	if ok {
		client.Token = token
		return client, nil
	}
	client, err := k.find(ctx, token)
	if err != nil {
		return stats.Client{}, err
	}
	k.remember(sum, client, version)
	client.Token = token
	return client, nil
}

func (k *keyring) lookUp(sum digest) (client stats.Client, version uint64, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known.Get(sum)
	if !ok || k.now().Sub(found.since) > keyAge {
		return stats.Client{}, k.version, false
	}
	return found.client, k.version, true
}

// remember keeps a client that was looked up at the version.
func (k *keyring) remember(sum digest, client stats.Client, version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.keeping || k.version != version {
		return
	}
	client.Token = ""
	k.known.Add(sum, knownClient{client, k.now()})
}

// drop tells that clients have changed.
func (k *keyring) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	k.known.Purge()
}

// resume tells that clients may have changed, and that drop is called from now
// on when they do.
func (k *keyring) resume() { k.dropAnd(true) }

// suspend tells that clients may change without a call of drop.
func (k *keyring) suspend() { k.dropAnd(false) }

func (k *keyring) dropAnd(keeping bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	k.known.Purge()
	k.keeping = keeping
}
