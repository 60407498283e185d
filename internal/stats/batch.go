// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// MaxItems bounds the stats of a batch: parsed, small stats take many times the memory
// of their text. Front offices send five stats for each analysis.
const MaxItems = 10_000

// Batch is the stats of one request. It is stored as a whole or not at all.
type Batch struct {
	Items []Item
}

// Types returns the types of the items, once each.
func (b Batch) Types() []Type {
	var types []Type
	for i := range b.Items {
		if t := b.Items[i].Type; !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// Item is a stat to be stored. Its fields have been validated.
type Item struct {
	UUID        uuid.UUID // uuid.Nil if the sender chose none
	ANR         uuid.UUID
	Type        Type
	Date        time.Time // midnight UTC
	Data        []byte    // the document as it was sent
	Fingerprint Fingerprint
	Digest      Digest

	// Known reports whether the analysis has a stored document with this digest. Data
	// was not parsed then.
	Known bool
	// Observations are what Data measures; they may be nil, see Observe.
	Observations []Observation
}

// ItemOf returns a stat as an item of a batch. Its error is an *InvalidError about
// the data.
func ItemOf(stat Stat) (Item, error) {
	item := Item{
		UUID: stat.UUID, ANR: stat.ANR, Type: stat.Type, Date: stat.Date,
		Data: stat.Data, Fingerprint: FingerprintOf(stat.Type, stat.Data),
	}
	return item, item.Read()
}

// DocumentKey returns the key of the item's document.
func (i *Item) DocumentKey() DocumentKey { return DocumentKey{ANR: i.ANR, Digest: i.Digest} }

// Read parses and validates the document. Call it if a known document turns out to be
// no longer stored. The error is an *InvalidError.
func (i *Item) Read() (err error) { return i.read(nil) }

// read implements Read. Its errors include those of yield.
func (i *Item) read(yield func() error) (err error) {
	i.Digest, i.Observations, err = readDocument(i.Type, i.Data, yield)
	i.Known = false
	return err
}

// maxObservations bounds the observations that a batch holds (300 bytes each, plus
// labels), and maxObservedBytes the size of the documents they come from. Observations
// beyond that are dropped after validation: they take several times the memory of the
// text.
const (
	maxObservations  = 16 << 10
	maxObservedBytes = 2 << 20
)

// Observe returns what the document measures. It parses the document if the
// observations were dropped or, for a Known item, never made. The error is an
// *InvalidError.
func (i *Item) Observe() ([]Observation, error) {
	if i.Observations != nil {
		return i.Observations, nil
	}
	_, observations, err := readDocument(i.Type, i.Data, nil)
	return observations, err
}

// SentDocument identifies the bytes of a document of an analysis.
type SentDocument struct {
	ANR         uuid.UUID
	Fingerprint Fingerprint
}

// Known returns the digests of the documents that are stored. It leaves out documents
// that do not validate, which an adopted database may hold. A nil Known finds none.
type Known func(sent []SentDocument) (map[SentDocument]Digest, error)

// identify sets Known and Digest of the items.
func (b *Batch) identify(known Known) error {
	if known == nil || len(b.Items) == 0 {
		return nil
	}
	sent := make([]SentDocument, len(b.Items))
	for i := range b.Items {
		sent[i] = b.Items[i].sent()
	}
	digests, err := known(sent)
	if err != nil {
		return err
	}
	for i := range b.Items {
		b.Items[i].Digest, b.Items[i].Known = digests[sent[i]]
	}
	return nil
}

func (i *Item) sent() SentDocument { return SentDocument{ANR: i.ANR, Fingerprint: i.Fingerprint} }

// Result is the outcome for an item of a batch.
type Result struct {
	// Stat is the item's stat without its data, with the UUID under which it is stored.
	// For a duplicate it is the stat that was sent.
	Stat   Stat
	Status Status
}

// Status says what was done with an item of a batch.
type Status int

// The statuses of an item.
const (
	// Stored means that this batch stored the item.
	Stored Status = iota + 1
	// Repeated means that the client had stored the same content for that day, or the
	// batch has it twice. Result.Stat is the stored stat.
	Repeated
	// Duplicate means that another stat already uses this UUID. Nothing was changed.
	Duplicate
)
