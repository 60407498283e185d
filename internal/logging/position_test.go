// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestFunctionName(t *testing.T) {
	t.Parallel()
	for full, want := range map[string]string{
		"main.main":                                 "main",
		"example.org/api.post":                      "post",
		"example.org/api.(*Server).post":            "post",
		"example.org/api.Server.post":               "post",
		"example.org/api.post.func1":                "post",
		"example.org/api.(*Server).post.func1.2.3":  "post",
		"example.org/api.(*Server).post.gowrap1":    "post",
		"example.org/api.(*Server).post.deferwrap2": "post",
		"example.org/api.(*Server).post-fm":         "post",
		"example.org/api.post.func1-range2":         "post",
		"example.org/api.post-range1":               "post",
		"example.org/api.outer.post.func1":          "post",
		"example.org/api.post[...]":                 "post",
		"example.org/api.(*Server[...]).post.func1": "post",
		"example.org/api.init.0":                    "init",
		"example.org/api.glob..func1":               "glob",
		"gopkg.in/yaml%2ev3.(*Decoder).Decode":      "Decode",
		"example.org/api.func1":                     "func1",
		"example.org/api.functions":                 "functions",
		"":                                          "",
	} {
		if got := functionName(full); got != want {
			t.Errorf("functionName(%q) = %q, want %q", full, got, want)
		}
	}
}

type server[T any] struct{ log *slog.Logger }

func (s *server[T]) method()  { s.log.Info("m") }
func (s *server[T]) closure() { func() { func() { s.log.Info("m") }() }() }
func (s *server[T]) deferred() {
	defer func() { s.log.Info("m") }()
}
func (s *server[T]) iterator() {
	for range func(yield func(int) bool) { yield(1) } {
		s.log.Info("m")
	}
}

// TestCallerNamesClosures checks the names that this compiler generates for closures.
func TestCallerNamesClosures(t *testing.T) {
	t.Parallel()
	for want, call := range map[string]func(*server[int]){
		"method":   func(s *server[int]) { s.method() },
		"closure":  func(s *server[int]) { s.closure() },
		"deferred": func(s *server[int]) { s.deferred() },
		"iterator": func(s *server[int]) { s.iterator() },
		"TestCallerNamesClosures": func(s *server[int]) {
			s.log.LogAttrs(context.Background(), slog.LevelInfo, "m")
		},
	} {
		log, out := setup(t, Options{})
		call(&server[int]{log: log})
		if !strings.Contains(out.String(), " statsservice "+want+" ") {
			t.Errorf("got %s, want function %s", out.String(), want)
		}
	}
}
