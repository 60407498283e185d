// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"sync"
)

// CacheControl is the value of the header that says who may cache an answer.
type CacheControl string

const (
	// CachePublic lets anybody, also a proxy, cache the answer for a minute.
	CachePublic CacheControl = "public, max-age=60"
	// CachePrivate lets the caller cache the answer, if it asks each time whether
	// it still holds.
	CachePrivate CacheControl = "private, no-cache"
	// CacheRevalidated lets anybody cache the answer who asks each time whether it
	// still holds.
	CacheRevalidated CacheControl = "no-cache"
	// CacheForever lets anybody cache the answer: what changes gets another address.
	CacheForever CacheControl = "public, max-age=31536000, immutable"
	// CacheNever keeps everybody from caching the answer.
	CacheNever CacheControl = "no-store"
)

// headerOfJSON goes with JSON. Vary has the headers of a request that decide
// about the answer to it.
var headerOfJSON = http.Header{"Content-Type": {contentType}, "Vary": {"Accept-Encoding, X-Fields"}}

// Encoded is an answer that is sent many times: its compressed forms are made
// once, when the first caller takes them. It is safe for concurrent use.
type Encoded struct {
	body   []byte
	header http.Header
	tag    string // without quotes
	forms  map[coding]func() []byte
}

// NewEncoded returns the answer with this JSON, which is not to be changed any more.
func NewEncoded(body []byte) *Encoded { return NewDocument(body, headerOfJSON) }

// NewDocument returns the answer with this body and the header that goes with
// it, neither of which is to be changed any more. The header tells the type of
// the body and what the answer varies by, Accept-Encoding among it.
func NewDocument(body []byte, header http.Header) *Encoded {
	sum := sha256.Sum256(body)
	return &Encoded{
		body:   body,
		header: header,
		tag:    base64.RawURLEncoding.EncodeToString(sum[:16]),
		forms: map[coding]func() []byte{
			gzipped:   sync.OnceValue(func() []byte { return smaller(gzipped, body) }),
			zstandard: sync.OnceValue(func() []byte { return smaller(zstandard, body) }),
		},
	}
}

// smaller returns the compressed form, or nil where it does not save at least a
// quarter. This bounds what all forms of an answer take; see Size.
func smaller(c coding, body []byte) []byte {
	if compressed := compress(c, body); len(compressed) <= len(body)-len(body)/4 {
		return compressed
	}
	return nil
}

// Size is how many bytes the answer takes at most, with all its forms.
func (e *Encoded) Size() int64 { return int64(len(e.body)) + 2*int64(len(e.body)-len(e.body)/4) }

// form returns the answer in the coding, or else as it is.
func (e *Encoded) form(c coding) (coding, []byte) {
	if !c.compresses() || len(e.body) < compressFrom {
		return identity, e.body
	}
	if compressed := e.forms[c](); compressed != nil {
		return c, compressed
	}
	return identity, e.body
}

// Write sends the answer with status 200, or 304 where the caller has it, and
// says who may cache it. An error is ErrDisconnected.
func (e *Encoded) Write(w http.ResponseWriter, n Negotiation, policy CacheControl) error {
	used, body := e.form(n.coding)
	tag := e.tag
	header := w.Header()
	if used != identity {
		tag += "-" + string(used)
	}
	maps.Copy(header, e.header)
	header.Set("ETag", `"`+tag+`"`)
	header.Set("Cache-Control", string(policy))
	if n.has(tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if used != identity {
		header.Set("Content-Encoding", string(used))
	}
	return send(w, http.StatusOK, body)
}
