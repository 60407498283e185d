// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/uuid"
)

// FuzzAcknowledgement reads what a peer may answer to a batch: it comes to an end within
// its limits, and counts no more than there is.
func FuzzAcknowledgement(f *testing.F) {
	for _, answer := range []string{
		`{"metadata":{"count":"1"},"data":[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","data":[]}]}`,
		`{"data":[],"duplicates":["b402d4d8-4576-11e9-9173-0800277f0571"]}`,
		`{"data":[`, `{"data":null}`, `{"data":[[[[`, `[]`, `null`, ``, `<html>`, `{"data":[1,2],"data":[3]}`, "{\"\\ud800\":\"\xff\",\"data\":[]}", `{"data":[]}{}`,
	} {
		f.Add([]byte(answer))
	}
	l := &link{server: "https://peer.example.org"}
	f.Fuzz(func(t *testing.T, answer []byte) {
		limited := newBounded(bytes.NewReader(answer), l, limits{element: 64, outside: 256, whole: 512})
		got, err := readAcknowledgement(limited)
		if limited.read > 512 {
			t.Errorf("%d bytes were read", limited.read)
		}
		if got.created+got.duplicates > len(answer) {
			t.Errorf("%d and %d are counted in %d bytes", got.created, got.duplicates, len(answer))
		}
		if err == nil && answer[bytes.IndexFunc(answer, func(r rune) bool { return r > ' ' })] != '{' {
			t.Error("what is no object was accepted")
		}
		if err != nil && l.unreadable(err) == nil {
			t.Error("an error got lost")
		}
	})
}

// FuzzAccount reads what a peer may say about a token.
func FuzzAccount(f *testing.F) {
	for _, answer := range []string{
		`{"name":"NC3","role":"1","token":"the token","is_sharing_enabled":true}`,
		`{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","name":5,"role":2,"is_sharing_enabled":"yes"}`,
		`{"name":{"a":[1e400]}}`, `{`, `[]`, `""`, `{"name":"\u001b[31m"}`, "{\"name\":\"\xff\"}",
	} {
		f.Add([]byte(answer))
	}
	l := &link{server: "https://peer.example.org", Remote: Remote{Token: "the token"}}
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := l.readAccount(answer)
		if err != nil {
			if failed, ok := errors.AsType[*peerError](err); !ok || failed.server != l.server {
				t.Errorf("the error %v does not name the peer", err)
			}
			return
		}
		if got.name == "" || got.name != printable(got.name) || len([]rune(got.name)) > maxMessage+1 {
			t.Errorf("the name is %q", got.name)
		}
		if got.id == uuid.Nil && !bytes.Contains(answer, []byte("token")) && !bytes.Contains(answer, []byte(`\u`)) {
			t.Errorf("nobody says whose token this is: %s", answer)
		}
	})
}
