// SPDX-License-Identifier: AGPL-3.0-or-later

package secret_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/secret"
)

func TestOpenReturnsTheSealedToken(t *testing.T) {
	t.Parallel()
	box := secret.New("a secret key")
	owner := []byte("owner")
	for _, token := range []string{"", "t", secret.NewToken(), strings.Repeat("x", 512)} {
		got, err := box.Open(box.Seal(token, owner), owner)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		if diff := cmp.Diff(token, got); diff != "" {
			t.Errorf("token (-want +got):\n%s", diff)
		}
	}
}

func TestSealHidesTheToken(t *testing.T) {
	t.Parallel()
	box := secret.New("a secret key")
	first, second := box.Seal("visible", nil), box.Seal("visible", nil)
	if bytes.Contains(first, []byte("visible")) {
		t.Error("the sealed form shows the token")
	}
	if bytes.Equal(first, second) {
		t.Error("sealing twice gave the same bytes, which shows which clients share a token")
	}
}

func TestOpenRefusesOtherKeysOwnersAndBytes(t *testing.T) {
	t.Parallel()
	owner := []byte("owner")
	sealed := secret.New("key one").Seal("token", owner)
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	version := bytes.Clone(sealed)
	version[0] = 9

	tests := map[string]struct {
		key    string
		sealed []byte
		owner  string
	}{
		"another key":     {"key two", sealed, "owner"},
		"another owner":   {"key one", sealed, "somebody else"},
		"altered":         {"key one", altered, "owner"},
		"unknown version": {"key one", version, "owner"},
		"truncated":       {"key one", sealed[:5], "owner"},
		"empty":           {"key one", nil, "owner"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := secret.New(tc.key).Open(tc.sealed, []byte(tc.owner))
			if !errors.Is(err, secret.ErrCannotOpen) || got != "" {
				t.Errorf("got %q, %v; want ErrCannotOpen", got, err)
			}
		})
	}
}

func TestNewRefusesEmptyKey(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic for an empty key")
		}
	}()
	secret.New("")
}

func TestNewTokenIsUniqueAndNeedsNoEscaping(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{86}$`)
	seen := map[string]bool{}
	for range 100 {
		token := secret.NewToken()
		if !form.MatchString(token) {
			t.Fatalf("token %q does not match %s", token, form)
		}
		if seen[token] {
			t.Fatalf("token %q came twice", token)
		}
		seen[token] = true
	}
}

func TestDigestIsSHA256(t *testing.T) {
	t.Parallel()
	// printf abc | sha256sum
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if diff := cmp.Diff(want, hex.EncodeToString(secret.Digest("abc"))); diff != "" {
		t.Errorf("digest (-want +got):\n%s", diff)
	}
}

func TestLoadOrCreateKeyReturnsTheSameKeyAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	first, err := secret.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := secret.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" || len(first) < 64 {
		t.Errorf("key changed or is short (-first +second):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("-rw-------", info.Mode().String()); diff != "" {
		t.Errorf("mode (-want +got):\n%s", diff)
	}
}

func TestConcurrentLoadsGetTheSameKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "secret.key")
	keys := make([]string, 16)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], _ = secret.LoadOrCreateKey(path) })
	}
	group.Wait()
	for _, key := range keys {
		if key == "" || key != keys[0] {
			t.Fatalf("processes that start together got different keys: %q", keys)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind beside the key: %v, %v", entries, err)
	}
}

func TestLoadOrCreateKeyRefusesDamagedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	damaged := filepath.Join(dir, "damaged")
	if err := os.WriteFile(damaged, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.LoadOrCreateKey(damaged); err == nil || !strings.Contains(err.Error(), damaged) {
		t.Errorf("damaged file: got %v; want an error that names it", err)
	}
	if content, _ := os.ReadFile(damaged); string(content) != "\n" {
		t.Errorf("the existing file was overwritten with %q", content)
	}
	if _, err := secret.LoadOrCreateKey(filepath.Join(dir, "none", "key")); err == nil {
		t.Error("missing folder: no error")
	}
}
