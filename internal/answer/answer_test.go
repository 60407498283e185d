// SPDX-License-Identifier: AGPL-3.0-or-later

package answer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// connection records how an answer is sent.
type connection struct {
	*httptest.ResponseRecorder
	events []string
	broken error
}

func newConnection() *connection { return &connection{ResponseRecorder: httptest.NewRecorder()} }

func (c *connection) Write(p []byte) (int, error) {
	c.events = append(c.events, "write")
	if c.broken != nil {
		return 0, c.broken
	}
	return c.ResponseRecorder.Write(p)
}

func (c *connection) SetWriteDeadline(deadline time.Time) error {
	if deadline.IsZero() {
		c.events = append(c.events, "no limit")
		return nil
	}
	c.events = append(c.events, "limit")
	return nil
}

func mask(t *testing.T, text string) *fieldmask.Mask {
	t.Helper()
	m, err := fieldmask.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestListsAreStreamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, mask, rest string
		items            []string
		want             string // in an object; the array is in its first member
	}{
		{"no items", "", `{}`, nil, `{"data":[]}`},
		{"members after the array", "", `{"a":1,"b":[]}`, []string{`1`, `{"x":2}`}, `{"data":[1,{"x":2}],"a":1,"b":[]}`},
		{"masked items", "x", `{"a":1}`, []string{`{"x":1,"y":2}`, `{"y":2}`}, `{"data":[{"x":1},{}],"a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newConnection()
			list := answer.NewMemberWriter(w, http.StatusMultiStatus, "data", mask(t, tt.mask), answer.Negotiation{})
			for _, item := range tt.items {
				if err := list.Add([]byte(item)); err != nil {
					t.Fatal(err)
				}
			}
			if list.Count() != len(tt.items) || list.Started() {
				t.Errorf("count %d, started %v before anything had to leave", list.Count(), list.Started())
			}
			if err := list.EndObject([]byte(tt.rest)); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintln(w.Code, w.Header().Get("Content-Type"), w.Body)
			if diff := cmp.Diff(fmt.Sprintln(207, "application/json", tt.want), got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLongListHasADeadlinePerChunk checks that each chunk gets a deadline, and that none
// remains on the connection.
func TestLongListHasADeadlinePerChunk(t *testing.T) {
	t.Parallel()
	w := newConnection()
	list := answer.NewArrayWriter(w, http.StatusOK, nil, answer.Negotiation{})
	item := []byte(`"` + strings.Repeat("x", 40<<10) + `"`)
	for range 5 {
		if err := list.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.End(); err != nil {
		t.Fatal(err)
	}
	want := []string{"limit", "write", "limit", "write", "limit", "write", "no limit"}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if whole := "[" + strings.Repeat(string(item)+",", 4) + string(item) + "]"; w.Body.String() != whole {
		t.Errorf("%d bytes arrived, want %d", w.Body.Len(), len(whole))
	}
}

func TestErrorsSayWhetherTheCallerLeft(t *testing.T) {
	t.Parallel()
	w := newConnection()
	w.broken = errors.New("connection reset")
	if err := answer.NewArrayWriter(w, http.StatusOK, nil, answer.Negotiation{}).End(); !errors.Is(err, answer.ErrDisconnected) || !errors.Is(err, w.broken) {
		t.Errorf("End on a broken connection: %v", err)
	}
	if err := (answer.JSON{Status: 200, Value: 1}).Write(w); !errors.Is(err, answer.ErrDisconnected) {
		t.Errorf("Write on a broken connection: %v", err)
	}
	fresh := newConnection()
	if err := (answer.JSON{Status: 200, Value: func() {}}).Write(fresh); err == nil || len(fresh.events) > 0 {
		t.Errorf("a value without JSON: error %v, events %v", err, fresh.events)
	}
	list := answer.NewArrayWriter(fresh, http.StatusOK, mask(t, "x"), answer.Negotiation{})
	if err := list.Add([]byte("{")); err == nil || errors.Is(err, answer.ErrDisconnected) || list.Started() {
		t.Errorf("an item that is not JSON: %v", err)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	w := newConnection()
	value := map[string]any{"b": 1, "a": []string{"é"}}
	if err := (answer.JSON{Status: 201, Value: value, Mask: mask(t, "a")}).Write(w); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Content-Length"), w.Body)
	if diff := cmp.Diff(fmt.Sprintln(201, "application/json", 12, `{"a":["é"]}`), got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}
