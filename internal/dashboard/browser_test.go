// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browsers are the names under which systems install Chromium.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// startBrowser starts a Chromium of the test's own. The tests fail where there
// is none: pages that nobody has looked at are not known to work.
func startBrowser(t testing.TB) context.Context {
	t.Helper()
	path := ""
	for _, name := range browsers {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatalf("the public pages are tested in a real browser and there is none of %s in PATH: "+
			"install Chromium, on Debian with: apt-get install chromium", strings.Join(browsers, ", "))
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "hide-scrollbars", "force-prefers-reduced-motion",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is a browser tab that notes what should not happen.
type tab struct {
	t    testing.TB
	ctx  context.Context // of the test that has the tab
	life context.Context // until the tab is closed
	host string

	mu       sync.Mutex
	others   []string // further hosts that the tab may talk to
	problems []string
	received float64 // bytes over the network since the last load
}

// pageTimeout is how long a page may take on a machine that is busy with other tests.
const pageTimeout = 60 * time.Second

// openTab opens a tab that may only talk to one service.
func openTab(t testing.TB, browser context.Context, s *service) *tab {
	t.Helper()
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	tab := &tab{t: t, ctx: ctx, life: ctx, host: address.Host}
	if err := chromedp.Listen(ctx, tab.note); err != nil {
		t.Fatal(err)
	}
	tab.do(call(network.Enable, network.EnableParams{}), chromedp.EmulateViewport(1280, 900))
	return tab.handTo(t) // a tab whose first context ends is closed
}

// handTo gives the tab to a test, whose problems are those of the tab from then on.
func (b *tab) handTo(t testing.TB) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.life, 5*pageTimeout)
	t.Cleanup(cancel)
	b.t, b.ctx = t, ctx
	b.takeProblems()
	return b
}

// call makes an action of a command of the browser's protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// note records what the page does that it must not.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			b.problems = append(b.problems, fmt.Sprintf("console %s: %v", e.Type, describe(e.Args)))
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.noteRequest(e.Request.URL)
	case *network.EventLoadingFinished:
		b.received += e.EncodedDataLength
	}
}

func (b *tab) noteRequest(address string) {
	u, err := url.Parse(address)
	local := err == nil && (u.Host == b.host || slices.Contains(b.others, u.Host) || u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about")
	if !local {
		b.problems = append(b.problems, "request to another host: "+address)
	}
}

func describe(args []*runtime.RemoteObject) string {
	var texts []string
	for _, arg := range args {
		texts = append(texts, fmt.Sprintf("%s %s", arg.Value, arg.Description))
	}
	return strings.Join(texts, " ")
}

// do runs actions and fails the test when one fails.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of an expression, or of the promise that it is.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits until an expression is true, also while the page goes elsewhere.
func (b *tab) until(expression string) {
	b.t.Helper()
	var err error
	for deadline := time.Now().Add(pageTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var holds bool
		if holds, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")")); holds {
			return
		}
	}
	b.t.Fatalf("waited for %s: %v\n%s", expression, err, strings.Join(b.takeProblems(), "\n"))
}

// prefer emulates the colours that the device asks for.
func (b *tab) prefer(theme string) {
	b.t.Helper()
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	}))
}

// load goes to an address and waits until its scripts are done.
func (b *tab) load(address string) {
	b.t.Helper()
	b.mu.Lock()
	b.received = 0
	b.mu.Unlock()
	b.do(chromedp.Navigate(address))
	b.until(`document.documentElement.dataset.ready === 'true'`)
}

// painted waits until what moves has come to rest and is painted.
func (b *tab) painted() {
	b.t.Helper()
	eval[bool](b, `Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity).map((a) => a.finished.catch(() => {})))
		.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`)
}

func (b *tab) takeProblems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := b.problems
	b.problems = nil
	return problems
}

// expectPeace fails the test when the page did what it must not since the last time.
func (b *tab) expectPeace() {
	b.t.Helper()
	for _, problem := range b.takeProblems() {
		b.t.Error(problem)
	}
}

// untilProblem waits until the browser has noted a problem with these words, and
// drops the notes.
func (b *tab) untilProblem(words string) {
	b.t.Helper()
	var all []string
	for deadline := time.Now().Add(pageTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all = append(all, b.takeProblems()...)
		if slices.ContainsFunc(all, func(problem string) bool { return strings.Contains(problem, words) }) {
			return
		}
	}
	b.t.Fatalf("waited for a problem with %s:\n%s", words, strings.Join(all, "\n"))
}
