package answer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/answer"
)

// clock is set by the test.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.Load(), 0) }

// asked is a cache whose answers are the number of their computation.
type asked struct {
	*answer.Cache
	t       *testing.T
	clock   *clock
	counted atomic.Int64
}

func newAsked(t *testing.T, maxBytes int64) *asked {
	t.Helper()
	c := &clock{}
	return &asked{Cache: answer.NewCache(maxBytes, c.now), t: t, clock: c}
}

// ask returns the answer to a question about topics.
func (a *asked) ask(question string, topics ...string) string {
	a.t.Helper()
	encoded, err := a.Do(a.t.Context(), answer.KeyOf(question), topics, func(context.Context) ([]byte, error) {
		return strconv.AppendInt(nil, a.counted.Add(1), 10), nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return bodyOf(a.t, encoded)
}

func bodyOf(t *testing.T, encoded *answer.Encoded) string {
	t.Helper()
	w := httptest.NewRecorder()
	if err := encoded.Write(w, answer.Terms{}, answer.KeepPublic); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}

// TestCacheForgets keeps answers for as long as they hold.
func TestCacheForgets(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1<<20)
	var got []string
	step := func(change func()) {
		change()
		got = append(got, a.ask("q", "threat", "risk"), a.ask("q", "threat", "risk"))
	}
	step(func() {})
	step(a.Resume)
	step(func() { a.Drop("other") })
	step(func() { a.Drop("risk") })
	step(func() { a.clock.Add(60) })
	step(func() { a.clock.Add(1) })
	step(a.Suspend)
	step(a.Resume)
	want := []string{"1", "2", "3", "3", "3", "3", "4", "4", "4", "4", "5", "5", "6", "7", "8", "8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("computations (-want +got):\n%s", diff)
	}
	if a.ask("another") == a.ask("q", "threat", "risk") {
		t.Error("two questions have one answer")
	}
}

// TestKeys does not take parts for others.
func TestKeys(t *testing.T) {
	t.Parallel()
	keys := map[answer.Key]bool{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"a", "b", ""}, {"", "ab"}} {
		keys[answer.KeyOf(parts...)] = true
	}
	if len(keys) != 7 {
		t.Errorf("%d keys of 7 questions", len(keys))
	}
}

// TestCacheIsBounded drops what was not asked for the longest, and does not
// keep what is too large.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1000) // an answer counts twice
	a.Resume()
	computed := 0
	ask := func(name string, size int) {
		_, err := a.Do(t.Context(), answer.KeyOf(name), nil, func(context.Context) ([]byte, error) {
			computed++
			return []byte(strings.Repeat("x", size)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		ask(fmt.Sprint(i), 100)
	}
	ask("0", 100)     // is there
	ask("new", 100)   // drives out 1
	ask("0", 100)     // is there
	ask("1", 100)     // is not
	ask("large", 126) // more than a quarter
	ask("large", 126)
	ask("0", 100) // was not driven out by it
	if want := 9; computed != want {
		t.Errorf("%d computations, want %d", computed, want)
	}
}

// TestChangeWhileComputing neither keeps the old answer nor gives it to those
// who ask after the change.
func TestChangeWhileComputing(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1<<20)
	a.Resume()
	started, goOn, first := make(chan bool), make(chan bool), make(chan string)
	go func() {
		encoded, err := a.Do(t.Context(), answer.KeyOf("q"), []string{"risk"}, func(context.Context) ([]byte, error) {
			close(started)
			<-goOn
			return []byte("old"), nil
		})
		if err != nil {
			t.Error(err)
			encoded = answer.NewEncoded(nil)
		}
		first <- bodyOf(t, encoded)
	}()
	<-started
	a.Drop("risk")
	if got := a.ask("q", "risk"); got != "1" {
		t.Errorf("after the change: %s", got)
	}
	close(goOn)
	if got := <-first; got != "old" {
		t.Errorf("who asked before the change got %s", got)
	}
	if got := a.ask("q", "risk"); got != "1" {
		t.Errorf("the old answer was kept: %s", got)
	}
}

// TestStampede computes once for many, of whom some give up.
func TestStampede(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1<<20) // keeps nothing
	var computed atomic.Int64
	goOn := make(chan bool)
	compute := func(ctx context.Context) ([]byte, error) {
		computed.Add(1)
		select {
		case <-goOn:
			return []byte("1"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	impatient, giveUp := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	outcome := make([]error, 20)
	for i := range outcome {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = impatient
		}
		waiting.Go(func() { _, outcome[i] = a.Do(ctx, answer.KeyOf("q"), nil, compute) })
	}
	for a.Waiting(answer.KeyOf("q")) < len(outcome) {
		time.Sleep(time.Millisecond)
	}
	giveUp()
	for a.Waiting(answer.KeyOf("q")) > len(outcome)/2 {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	waiting.Wait()
	for i, err := range outcome {
		if gaveUp := i%2 == 0; gaveUp != errors.Is(err, context.Canceled) || !gaveUp && err != nil {
			t.Errorf("caller %d got %v", i, err)
		}
	}
	if n := computed.Load(); n != 1 {
		t.Errorf("%d computations", n)
	}
}

// TestNobodyWaits ends a computation that all have given up.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1<<20)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	_, err := a.Do(ctx, answer.KeyOf("q"), nil, func(ctx context.Context) ([]byte, error) {
		giveUp()
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(<-ended, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := a.ask("q"); got != "1" {
		t.Errorf("who came later got %s", got)
	}
}

// TestFailures are not kept, and a panic is one of them.
func TestFailures(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 1<<20)
	a.Resume()
	broken := errors.New("broken")
	for _, compute := range []func(context.Context) ([]byte, error){
		func(context.Context) ([]byte, error) { return nil, broken },
		func(context.Context) ([]byte, error) { panic(broken) },
	} {
		_, err := a.Do(t.Context(), answer.KeyOf("q"), nil, compute)
		if err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("error %v", err)
		}
	}
	if got := a.ask("q"); got != "1" {
		t.Errorf("afterwards: %s", got)
	}
}
