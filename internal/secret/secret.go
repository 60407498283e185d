// SPDX-License-Identifier: AGPL-3.0-or-later

// Package secret generates API keys and keeps them unreadable at rest. A digest finds
// the client that presents a key. A sealed copy, which only the service's secret key
// opens, lets an operator see the key again.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	tokenBytes = 64
	sealKeyLen = 32 // AES-256
	// sealVersion is the first byte of everything sealed. It identifies the algorithm.
	sealVersion = 1
	// sealPurpose binds the derived key to this use: keys derived from SECRET_KEY for
	// other purposes are unrelated.
	sealPurpose = "stats-service token sealing v1"
)

// ErrCannotOpen reports that something sealed cannot be read with this key.
var ErrCannotOpen = errors.New("the sealed token cannot be opened: SECRET_KEY (or the key file) " +
	"is not the one it was sealed with, or the record was altered; restore the former key")

// Box seals and opens tokens. It is safe for concurrent use.
type Box struct {
	aead cipher.AEAD
}

// New returns the Box of a secret key of any length. It panics if the key is empty:
// everybody would know the derived key.
func New(secretKey string) *Box {
	if secretKey == "" {
		panic("secret: empty secret key")
	}
	key, err := hkdf.Key(sha256.New, []byte(secretKey), nil, sealPurpose, sealKeyLen)
	if err != nil {
		panic(fmt.Sprintf("secret: derive key: %v", err)) // only for an impossible length
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("secret: %v", err)) // only for an impossible length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Sprintf("secret: %v", err)) // only for a block that is not AES
	}
	return &Box{aead: aead}
}

// Seal encrypts token and binds it to associated data (the client's UUID), without
// which Open fails. Sealing twice gives different bytes.
func (b *Box) Seal(token string, associated []byte) []byte {
	return b.aead.Seal([]byte{sealVersion}, nil, []byte(token), associated)
}

// Open returns the token that was passed to Seal. The error is ErrCannotOpen.
func (b *Box) Open(sealed, associated []byte) (string, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return "", ErrCannotOpen
	}
	token, err := b.aead.Open(nil, nil, sealed[1:], associated)
	if err != nil {
		return "", ErrCannotOpen
	}
	return string(token), nil
}

// NewToken returns a random API key: 64 bytes in 86 characters that need no
// escaping in URLs, headers and shells.
func NewToken() string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails: without random bytes the process crashes
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Digest returns the SHA-256 of token. No salt: tokens are random, and equal
// tokens must be found by an index.
func Digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
