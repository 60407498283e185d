// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"sync"
)

// CacheControl is a value of the Cache-Control header.
type CacheControl string

const (
	// CachePublic lets any cache, including proxies, keep the answer for a minute.
	CachePublic CacheControl = "public, max-age=60"
	// CachePrivate lets the caller cache the answer, with revalidation each time.
	CachePrivate CacheControl = "private, no-cache"
	// CacheRevalidated lets any cache keep the answer, with revalidation each time.
	CacheRevalidated CacheControl = "no-cache"
	// CacheForever lets any cache keep the answer forever: new content gets a new URL.
	CacheForever CacheControl = "public, max-age=31536000, immutable"
	// CacheNever forbids caching.
	CacheNever CacheControl = "no-store"
)

// headerOfJSON is the header of JSON answers. Vary lists the request headers that the
// answer depends on.
var headerOfJSON = http.Header{"Content-Type": {contentType}, "Vary": {"Accept-Encoding, X-Fields"}}

// Encoded is an answer that is sent many times: each compressed form is made once, for
// the first caller that accepts it. It is safe for concurrent use.
type Encoded struct {
	body   []byte
	header http.Header
	tag    string // without quotes
	forms  map[coding]func() []byte
}

// NewEncoded returns the answer with this JSON, which must not be modified afterwards.
func NewEncoded(body []byte) *Encoded { return NewDocument(body, headerOfJSON) }

// NewDocument returns the answer with this body and header, which must not be modified
// afterwards. The header must have Content-Type and Vary, including Accept-Encoding.
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

// smaller returns the compressed form, or nil if it saves less than a quarter. This
// bounds the memory of all forms of an answer; see Size.
func smaller(c coding, body []byte) []byte {
	if compressed := compress(c, body); len(compressed) <= len(body)-len(body)/4 {
		return compressed
	}
	return nil
}

// Size returns the most bytes that the answer takes with all its forms.
func (e *Encoded) Size() int64 { return int64(len(e.body)) + 2*int64(len(e.body)-len(e.body)/4) }

// form returns the answer in the coding, or uncompressed.
func (e *Encoded) form(c coding) (coding, []byte) {
	if !c.compresses() || len(e.body) < compressFrom {
		return identity, e.body
	}
	if compressed := e.forms[c](); compressed != nil {
		return c, compressed
	}
	return identity, e.body
}

// Write sends the answer with status 200, or 304 if the caller has it, and sets
// Cache-Control to policy. Its error is ErrDisconnected.
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
