// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const duplicate = "Duplicate stats: fecea306-2b0e-4129-b34d-2a8876b1fede"

type unprintable struct{ Channel chan int }

type nobody struct{ name string }

func (n *nobody) Error() string { return n.name }

type person struct{}

func (person) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", "Ada"), slog.String("token", "t0ps3cret"))
}

// lines are logged both as text and as JSON.
var lines = map[string]struct {
	opts     Options
	log      func(*slog.Logger)
	wantText string
	wantJSON string
}{
	"published example": {
		log: func(log *slog.Logger) { post(Named(log, APIStats), slog.LevelError, duplicate) },
		wantText: "2020-09-02 11:19:43,894 ERROR statsservice.api.v1.stats post 248: " +
			"Duplicate stats: fecea306-2b0e-4129-b34d-2a8876b1fede",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"ERROR","logger":"statsservice.api.v1.stats",` +
			`"function":"post","line":248,"message":"Duplicate stats: fecea306-2b0e-4129-b34d-2a8876b1fede"}`,
	},
	"no name, other time zone": {
		opts:     Options{Location: time.FixedZone("CEST", 2*60*60)},
		log:      func(log *slog.Logger) { post(log, slog.LevelWarn, "m") },
		wantText: "2020-09-02 13:19:43,894 WARNING statsservice post 248: m",
		wantJSON: `{"time":"2020-09-02T13:19:43.894+02:00","level":"WARNING","logger":"statsservice","function":"post","line":248,"message":"m"}`,
	},
	"last name counts, also within a group": {
		log: func(log *slog.Logger) {
			log = Named(log, HTTP).With("a", 1).WithGroup("g")
			post(Named(log, "statsservice.x").With("b", 2), slog.LevelInfo, "m")
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice.x post 248: m a=1 g.b=2",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice.x","function":"post","line":248,"message":"m","a":1,"g":{"b":2}}`,
	},
	"kinds of values": {
		log: func(log *slog.Logger) {
			post(log, slog.LevelInfo, "m", "i", -1, "u", uint64(math.MaxUint64), "f", 1.5, "nan", math.NaN(), "b", true,
				"d", 1500*time.Millisecond, "t", published, "err", errors.New("no <luck>"), "list", []string{"<a>", "b"},
				"nil", nil, "bytes", []byte("x y"))
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m i=-1 u=18446744073709551615 f=1.5 nan=NaN b=true " +
			`d=1.5s t=2020-09-02T11:19:43.894Z err="no <luck>" list="[<a> b]" nil=<nil> bytes="x y"`,
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m",` +
			`"i":-1,"u":18446744073709551615,"f":1.5,"nan":"NaN","b":true,"d":1500000000,"t":"2020-09-02T11:19:43.894Z",` +
			`"err":"no <luck>","list":["<a>","b"],"nil":null,"bytes":"eCB5"}`,
	},
	"groups": {
		log: func(log *slog.Logger) {
			log = log.WithGroup("a").WithGroup("").With(slog.Group("empty")).WithGroup("b").With("one", 1).WithGroup("c")
			post(log, slog.LevelInfo, "m", slog.Group("d", "two", 2, slog.Group("", "three", 3), slog.Group("none")), "four", 4)
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m a.b.one=1 a.b.c.d.two=2 a.b.c.d.three=3 a.b.c.four=4",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m",` +
			`"a":{"b":{"one":1,"c":{"d":{"two":2,"three":3},"four":4}}}}`,
	},
	"group that stays empty": {
		log: func(log *slog.Logger) {
			post(log.WithGroup("a").With("one", "{").WithGroup("b"), slog.LevelInfo, "m", slog.Group("c"), slog.Attr{})
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m a.one={",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m","a":{"one":"{"}}`,
	},
	"values cannot break the line": {
		log: func(log *slog.Logger) {
			log = log.With("with", "a\r\nb")
			post(log, slog.LevelInfo, "a \"b\" \\ é\n\x1b[31m\u2028\xff", "k\n", "v\n2020-09-02", "q", `"`, "e", "", "eq", "a=b", "é", "é\xff")
		},
		wantText: `2020-09-02 11:19:43,894 INFO statsservice post 248: a "b" \ é\n\x1b[31m\u2028\xff` +
			` with="a\r\nb" "k\n"="v\n2020-09-02" q="\"" e="" eq="a=b" é="é\xff"`,
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,` +
			`"message":"a \"b\" \\ é\n\u001b[31m` + "\u2028\ufffd" + `","with":"a\r\nb","k\n":"v\n2020-09-02","q":"\"","e":"","eq":"a=b","é":"é` + "\ufffd" + `"}`,
	},
	"secrets": {
		log: func(log *slog.Logger) {
			log = log.With("X-API-KEY", "t0ps3cret").WithGroup("g")
			post(log, slog.LevelInfo, "m", "Token", "t0ps3cret", "db_password", "t0ps3cret", slog.Group("secret", "a", "t0ps3cret"),
				"Authorization", []string{"t0ps3cret"}, "tokens", 3, "by", person{}, "API_KEY", "t0ps3cret")
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m X-API-KEY=(hidden) g.Token=(hidden) g.db_password=(hidden) " +
			"g.secret=(hidden) g.Authorization=(hidden) g.tokens=3 g.by.name=Ada g.by.token=(hidden) g.API_KEY=(hidden)",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m",` +
			`"X-API-KEY":"(hidden)","g":{"Token":"(hidden)","db_password":"(hidden)","secret":"(hidden)","Authorization":"(hidden)","tokens":3,` +
			`"by":{"name":"Ada","token":"(hidden)"},"API_KEY":"(hidden)"}}`,
	},
	"attributes named like a member": {
		log: func(log *slog.Logger) {
			post(log, slog.LevelInfo, "m", "line", 7, slog.Group("time", "message", "x"))
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m line=7 time.message=x",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m","line_":7,"time_":{"message":"x"}}`,
	},
	"values that cannot be written": {
		log: func(log *slog.Logger) {
			post(log, slog.LevelInfo, "m", "err", (*nobody)(nil), "v", unprintable{})
		},
		wantText: "2020-09-02 11:19:43,894 INFO statsservice post 248: m err=<nil> v={Channel:<nil>}",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"INFO","logger":"statsservice","function":"post","line":248,"message":"m","err":"<nil>","v":"{Channel:<nil>}"}`,
	},
	"below the level": {
		opts: Options{Level: slog.LevelWarn},
		log:  func(log *slog.Logger) { post(log, slog.LevelInfo, "m") },
	},
	"debug": {
		opts:     Options{Level: slog.LevelDebug - 4},
		log:      func(log *slog.Logger) { post(log, slog.LevelDebug-1, "m", "url", &url.URL{Path: "/x"}) },
		wantText: "2020-09-02 11:19:43,894 DEBUG statsservice post 248: m url=/x",
		wantJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"DEBUG","logger":"statsservice","function":"post","line":248,"message":"m",` +
			`"url":{"Scheme":"","Opaque":"","User":null,"Host":"","Path":"/x","Fragment":"","RawQuery":"","RawPath":"","RawFragment":"","ForceQuery":false,"OmitHost":false}}`,
	},
}

func TestLinesOfTheTextLog(t *testing.T) {
	t.Parallel()
	for name, tt := range lines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, out := setup(t, tt.opts)
			tt.log(log)
			if diff := cmp.Diff(terminated(tt.wantText), out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range lines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := tt.opts
			opts.Format = FormatJSON
			log, out := setup(t, opts)
			tt.log(log)
			if diff := cmp.Diff(terminated(tt.wantJSON), out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if line := out.Bytes(); len(line) > 0 && !json.Valid(line) {
				t.Errorf("not JSON: %s", line)
			}
		})
	}
}

func terminated(line string) string {
	if line == "" {
		return ""
	}
	return line + "\n"
}

// TestSiblingsAreIndependent checks that loggers derived from one logger share nothing.
func TestSiblingsAreIndependent(t *testing.T) {
	t.Parallel()
	log, out := setup(t, Options{})
	parent := log.With("p", 1).WithGroup("g").WithGroup("h").WithGroup("i")
	first, second := parent.With("a", 1).WithGroup("x"), parent.With("b", 2).WithGroup("y")
	post(first, slog.LevelInfo, "m", "k", 1)
	post(second, slog.LevelInfo, "m", "k", 1)
	post(parent, slog.LevelInfo, "m", "k", 1)
	const start = "2020-09-02 11:19:43,894 INFO statsservice post 248: m p=1 "
	want := start + "g.h.i.a=1 g.h.i.x.k=1\n" + start + "g.h.i.b=2 g.h.i.y.k=1\n" + start + "g.h.i.k=1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestRecordWithoutACaller has a record as a bridge from another log package makes it.
func TestRecordWithoutACaller(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		FormatText: "2020-09-02 11:19:43,894 WARNING statsservice - 0: TLS handshake error\n",
		FormatJSON: `{"time":"2020-09-02T11:19:43.894Z","level":"WARNING","logger":"statsservice","message":"TLS handshake error"}` + "\n",
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			log, out := setup(t, Options{Format: format})
			record := slog.NewRecord(published, slog.LevelWarn, "TLS handshake error", 0)
			if err := log.Handler().Handle(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, _, err := New(Options{Format: "xml"})
	if err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Errorf("got %v, want an error that names the format", err)
	}
}

// TestNamedWorksWithAnyHandler checks that another handler keeps the name.
func TestNamedWorksWithAnyHandler(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	Named(slog.New(slog.NewTextHandler(&out, nil)), Peer).Info("m")
	if want := "logger=statsservice.lib.peer"; !strings.Contains(out.String(), want) {
		t.Errorf("got %s, want %s in it", out.String(), want)
	}
}
