// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// endless serves a beginning and then the same text until the caller disconnects.
func endless(t *testing.T, status int, beginning, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, err := w.Write([]byte(beginning))
		for chunk := []byte(strings.Repeat(text, 1<<16)); err == nil; {
			_, err = w.Write(chunk)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestEndlessListsEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ beginning, text, want string }{
		"element":       {`{"data":["`, "xxxx", "its answer is too long"},
		"member":        {`{"x":"`, "xxxx", "its answer is too long"},
		"name":          {`{"`, "xxxx", "its answer is too long"},
		"small members": {`{"x":1`, `,"x":1`, "its answer is too long"},
		"lists":         {`{"data":[]`, `,"data":[]`, "its answer is too long"},
		"small values":  {`{"data":[1`, ",1", "it lists 100000 stats in a row that are malformed or were not asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			opts := peer.PullOptions{
				Remote: remote(t, endless(t, http.StatusOK, tt.beginning, tt.text), "token"),
				Store:  local.store, Client: newClient(t, local.store, "as"), From: today,
			}
			summary, err := peer.Pull(t.Context(), opts)
			want := "the peer " + opts.Server + " cannot be reached or understood: " + tt.want
			if err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > len(want)+60 {
				t.Errorf("pull ends with %v, want %s", err, want)
			}
			if summary.Bytes > 70<<20 {
				t.Errorf("%d bytes were read", summary.Bytes)
			}
		})
	}
}

// The answer to a small batch has a small limit.
func TestEndlessAcknowledgementsEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		beginning, text string
		most            int64
	}{
		"small values": {`{"data":[1`, ",1", 10 << 20},
		"value":        {`{"data":["`, "xxxx", 10 << 20},
		"white space":  {`{"data":[`, "    ", 10 << 20},
		"member":       {`{"x":"`, "xxxx", 10 << 20},
		"name":         {`{"`, "xxxx", 10 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			summary, pauses, err := singlePush(t, endless(t, http.StatusCreated, tt.beginning, tt.text), nil)
			if err == nil || !strings.Contains(err.Error(), "understood: its answer is too long") || pauses != nil {
				t.Errorf("push ends with %v after %v", err, pauses)
			}
			if summary.Bytes > tt.most {
				t.Errorf("%d bytes were read, more than %d", summary.Bytes, tt.most)
			}
		})
	}
}

// An item with text that is not Unicode is refused alone.
func TestPullRefusesTextThatIsNotUnicode(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{"half a pair": `\ud800`, "a byte": "\xff", "a byte of a name": `","` + "\xff" + `":"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var items [][]byte
			for i := range 4 {
				stat := riskStat(i, 0)
				item, err := json.Marshal(row{UUID: stat.UUID.String(), ANR: stat.ANR.String(), Type: "risk", Date: today.Format("2006-01-02"), Data: stat.Data})
				if err != nil {
					t.Fatal(err)
				}
				items = append(items, item)
			}
			items[2] = bytes.Replace(items[2], []byte("Low risks"), []byte("Low "+bad+" risks"), 1)
			body := slices.Concat([]byte(`{"data":[`), bytes.Join(items, []byte(",")), []byte(`]}`))
			local := newInstance(t)
			summary := pull(t, peer.PullOptions{
				Remote: remote(t, answering(t, http.StatusOK, string(body), nil), "token"), Store: local.store,
				Client: newClient(t, local.store, "as"), From: today, Types: []stats.Type{stats.Risk},
			})
			wantCounts(t, counts{Sent: 3, Refused: 1}, summary)
			want := []peer.Refusal{{UUID: riskStat(2, 0).UUID.String(), Reason: "it has text that is not Unicode, which cannot be stored"}}
			if diff := cmp.Diff(want, summary.Refusals); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// The items before an unreadable place in an answer are stored, and the error names the
// place.
func TestPullStoresItemsBeforeAnUnreadablePlace(t *testing.T) {
	t.Parallel()
	stat := riskStat(1, 0)
	item, err := json.Marshal(row{UUID: stat.UUID.String(), ANR: stat.ANR.String(), Type: "risk", Date: today.Format("2006-01-02"), Data: stat.Data})
	if err != nil {
		t.Fatal(err)
	}
	local := newInstance(t)
	summary, err := peer.Pull(t.Context(), peer.PullOptions{
		Remote: remote(t, answering(t, http.StatusOK, `{"data":[`+string(item)+`,`+strings.Repeat("[", 9_000)+`}`, nil), "token"),
		Store:  local.store, Client: newClient(t, local.store, "as"), From: today, Types: []stats.Type{stats.Risk},
	})
	wantCounts(t, counts{Sent: 1}, summary)
	if err == nil || !strings.Contains(err.Error(), "its answer cannot be read: at byte") || len(err.Error()) > 300 {
		t.Errorf("error is %v", err)
	}
}

// The log names the first hundred refused stats, and counts the others.
func TestRefusalsInTheLogAreBounded(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(map[string]any{"data": make([]int, 5000)})
	if err != nil {
		t.Fatal(err)
	}
	local := newInstance(t)
	var written strings.Builder
	opts := peer.PullOptions{
		Remote: remote(t, answering(t, http.StatusOK, string(body), nil), "token"),
		Store:  local.store, Client: newClient(t, local.store, "as"), From: today, Types: []stats.Type{stats.Risk},
	}
	opts.Log = slog.New(slog.NewTextHandler(&written, nil))
	summary := pull(t, opts)
	got := []int{summary.Refused, len(summary.Refusals), strings.Count(written.String(), "malformed stat"), strings.Count(written.String(), "more=4900")}
	if diff := cmp.Diff([]int{5000, 100, 100, 1}, got); diff != "" {
		t.Errorf("refused, listed, logged, counted (-want +got):\n%s", diff)
	}
}
