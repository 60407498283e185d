// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/payloads"
	"github.com/monarc-project/stats-service/internal/stats"
)

// FuzzAcknowledgement checks that reading any answer to a batch ends within its limits,
// and counts no more items than the answer has.
func FuzzAcknowledgement(f *testing.F) {
	for _, answer := range []string{
		`{"metadata":{"count":"1"},"data":[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","data":[]}]}`,
		`{"data":[],"duplicates":["b402d4d8-4576-11e9-9173-0800277f0571"]}`,
		`{"data":[`, `{"data":null}`, `{"data":[[[[`, `[]`, `null`, ``, `<html>`, `{"data":[1,2],"data":[3]}`, "{\"\\ud800\":\"\xff\",\"data\":[]}", `{"data":[]}{}`,
	} {
		f.Add([]byte(answer))
	}
	for _, body := range payloads.All(f) {
		f.Add(listOf(body))
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
			t.Error("an answer that is not an object was accepted")
		}
		if err != nil && l.unreadable(err) == nil {
			t.Error("an error got lost")
		}
	})
}

// listOf returns the answer of a peer that has the stats of a post.
func listOf(posted []byte) []byte {
	identified := bytes.ReplaceAll(posted, []byte(`"anr"`), []byte(`"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","anr"`))
	return slices.Concat([]byte(`{"metadata":{"count":"1"},"data":`), identified, []byte("}"))
}

// FuzzList checks that reading any list of a peer ends within its limits, and that the
// accepted items are valid and were requested.
func FuzzList(f *testing.F) {
	for _, body := range payloads.All(f) {
		f.Add(listOf(body))
		f.Add(body)
	}
	for _, answer := range []string{`{"data":[{}]}`, `{"data":[`, `{"data":[{"uuid":1}],"data":[null]}`, `{"data":{}}`, "{\"data\":[{\"uuid\":\"\xff\"}]}", `[]`, ``} {
		f.Add([]byte(answer))
	}
	l := &link{server: "https://peer.example.org", Remote: Remote{Log: slog.New(slog.DiscardHandler)}}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, of := range stats.Types() {
			asked := window{statsType: of, from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
			r := &windowReader{pull: &pull{link: l, opts: PullOptions{BatchCount: len(answer) + 1, BatchBytes: 1 << 30}}, window: asked}
			if err := r.read(t.Context(), bytes.NewReader(answer)); err != nil && l.unreadable(err) == nil {
				t.Error("an error got lost")
			}
			if r.tally.items()+len(r.batch) > len(answer) {
				t.Errorf("%+v and %d stats are counted in %d bytes", r.tally, len(r.batch), len(answer))
			}
			for _, item := range r.batch {
				if item.UUID == uuid.Nil || item.ANR == uuid.Nil || item.Type != of || !asked.covers(item.Date) {
					t.Errorf("%+v was accepted", item)
				}
				if _, err := stats.ReadDocument(of, item.Data); err != nil {
					t.Errorf("%s was accepted: %v", item.Data, err)
				}
			}
		}
	})
}

// FuzzAccount reads any description of an account.
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
			t.Errorf("the account has no name: %s", answer)
		}
	})
}
